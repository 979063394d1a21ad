package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit/redisstore"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

const (
	patience     = 30 * time.Second      // within which everything has to happen
	longTimeout  = 10 * time.Second      // that no orderly request exceeds
	shortTimeout = 80 * time.Millisecond // that overdue exceeds
	readTimeout  = 2 * time.Second       // that a client which stalls exceeds
	maxBody      = 64 << 10
	maxUpload    = 1 << 20
	slots        = 8
	keyHeader    = "X-Key"
)

// setting has what a service needs, and what differs between services.
type setting struct {
	fileName string // of a file to serve
	redis    string // addresses
	upstream string
	flush    time.Duration // of the ReverseProxy
	foreign  bool          // with a middleware of others around the chain, and inside
}

// foreign is a middleware as others write them: it copies the request, and its
// ResponseWriter has no more than Unwrap.
func foreign(next http.Handler) http.Handler {
	type key struct{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(&wrapped{w}, r.WithContext(context.WithValue(r.Context(), key{}, 1)))
	})
}

type wrapped struct{ http.ResponseWriter }

func (w *wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// service is the documented chain around handlers of each kind.
type service struct {
	http.Handler
	setting
	ledger      *ledger
	maintenance middleware.Maintenance
	prompt      *redis.Client // with ContextTimeoutEnabled
	patient     *redis.Client // without
	proxy       *http.Transport

	mu      sync.Mutex
	leaving chan struct{} // closed when a server shuts down

	fleet  map[string]*fleetLimit
	shared sync.Map // of the name of a limit to whether Redis decided last
}

func newService(l *ledger, set setting) *service {
	s := &service{setting: set, ledger: l, leaving: make(chan struct{}), fleet: make(map[string]*fleetLimit)}
	s.prompt = redis.NewClient(&redis.Options{Addr: set.redis, ContextTimeoutEnabled: true})
	s.patient = redis.NewClient(&redis.Options{Addr: set.redis})
	s.maintenance.Skip = func(r *http.Request) bool { return r.URL.Path == "/live" }
	perClient := ratelimit.New(ratelimit.Policy{
		Name:  "client",
		Quota: ratelimit.Quota{N: 10_000, Per: time.Second, Burst: 20_000},
		Key:   ratelimit.ByIP(clientip.Forwarded(netip.MustParsePrefix("127.0.0.0/8"))),
	})
	quiet := slog.New(slog.DiscardHandler)
	chain := middleware.Chain(
		middleware.RequestIDWith(middleware.RequestIDOptions{New: func(r *http.Request) string { return r.Header.Get(idHeader) }}),
		middleware.AccessLogWith(middleware.AccessLogOptions{Logger: slog.New(recorder{l})}),
		middleware.Capture(l.result),
		middleware.NormalizeWith(middleware.NormalizeOptions{
			Responder:  &respond.Responder{Extend: extend},
			Challenges: []string{`Bearer realm="soak"`},
			Report:     l.reported,
			Logger:     quiet,
		}),
		s.maintenance.Wrap,
		perClient,
	)
	if set.foreign {
		chain = middleware.Chain(foreign, chain, foreign)
	}
	s.Handler = l.count(chain(s.routes()))
	return s
}

// extend names the request in each problem, so that its client sees that the
// Responder of the chain has written it, and for this request.
func extend(r *http.Request, _ *problem.Details) []problem.Option {
	return []problem.Option{problem.Extension("request", middleware.RequestIDFrom(r.Context()))}
}

func (s *service) routes() http.Handler {
	mux := http.NewServeMux()
	long := middleware.Timeout(longTimeout)
	reads := middleware.Timeout(readTimeout)
	expires := middleware.TimeoutWith(middleware.TimeoutOptions{Limit: shortTimeout, Report: func(_ *http.Request, rep middleware.Report) { s.ledger.late(rep) }})
	small, large := middleware.MaxBytes(maxBody), middleware.MaxBytes(maxUpload)

	mux.HandleFunc("GET /json", serveJSON)
	mux.HandleFunc("GET /error", serveError)
	mux.HandleFunc("GET /plain", servePlain)
	mux.HandleFunc("GET /typed", serveTyped)
	mux.Handle("GET /fail", long(respond.Handler(fail)))
	mux.HandleFunc("GET /nothing", func(w http.ResponseWriter, _ *http.Request) { respond.NoContent(w) })
	mux.HandleFunc("GET /panic", servePanic)
	mux.Handle("GET /panic/timed", long(http.HandlerFunc(servePanic)))
	mux.Handle("POST /orders", middleware.Chain(long, small, middleware.ContentType("application/json"))(respond.Handler(createOrder)))
	mux.Handle("POST /echo", middleware.Chain(reads, small)(respond.Handler(echo)))
	mux.Handle("POST /upload", middleware.Chain(reads, large)(respond.Handler(upload)))
	mux.Handle("POST /upload/bare", large(respond.Handler(upload)))
	mux.Handle("GET /list", long(respond.Handler(list)))
	mux.Handle("GET /events", long(respond.Handler(events)))
	mux.Handle("GET /live", respond.Handler(s.live))
	mux.HandleFunc("GET /hijack", s.hijack)
	mux.Handle("/overdue", expires(http.HandlerFunc(overdue)))
	mux.HandleFunc("GET /slow", slow)
	mux.HandleFunc("GET /behind", leaveBehind)
	mux.Handle("GET /big", reads(http.HandlerFunc(big)))
	mux.Handle("GET /file", long(http.HandlerFunc(s.file)))
	mux.HandleFunc("GET /early", early)
	mux.Handle("GET /trailer", long(http.HandlerFunc(trailer)))
	mux.HandleFunc("GET /conditional", conditional)
	mux.Handle("/proxy/", reads(http.StripPrefix("/proxy", s.reverseProxy())))
	s.limits(mux)
	s.fleetLimits(mux)
	return mux
}

func byKey(r *http.Request) string { return r.Header.Get(keyHeader) }

// limits are those of rate and of concurrency.
func (s *service) limits(mux *http.ServeMux) {
	quota := ratelimit.Quota{N: 5, Per: time.Second}
	ok := http.HandlerFunc(serveJSON)
	mux.Handle("GET /limited/memory", ratelimit.New(ratelimit.Policy{Name: "memory", Quota: quota, Key: byKey})(ok))
	for name, o := range map[string]ratelimit.Options{
		"local":  {Store: redisstore.New(s.prompt), Replicas: 2},
		"open":   {Store: redisstore.New(s.patient), Outage: ratelimit.FailOpen},
		"closed": {Store: redisstore.New(s.patient), Outage: ratelimit.FailClosed},
	} {
		o.Policies = []ratelimit.Policy{{Name: name, Quota: quota, Key: byKey}}
		o.OnDecision = func(_ *http.Request, d ratelimit.Decision) { s.decided(name, d) }
		mux.Handle("GET /limited/"+name, ratelimit.NewLimiter(o).Wrap(ok))
	}
	costs := ratelimit.NewLimiter(ratelimit.Options{
		Policies:   []ratelimit.Policy{{Name: "cost", Quota: quota, Key: byKey, Cost: func(*http.Request) int { return 1 }}},
		Store:      redisstore.New(s.prompt),
		OnDecision: func(_ *http.Request, d ratelimit.Decision) { s.decided("cost", d) },
	})
	mux.Handle("GET /limited/cost", costs.Wrap(respond.Handler(spend)))
	logins := ratelimit.NewLimiter(ratelimit.Options{
		Policies: []ratelimit.Policy{{
			Name: "login", Quota: quota, Key: byKey,
			CountStatus: func(status int) bool { return status == http.StatusUnauthorized },
		}},
		Store:      redisstore.New(s.prompt),
		OnDecision: func(_ *http.Request, d ratelimit.Decision) { s.decided("login", d) },
	})
	mux.Handle("GET /limited/login", logins.Wrap(http.HandlerFunc(login)))
	mux.Handle("GET /inflight", ratelimit.InFlightWith(ratelimit.InFlightOptions{
		Max: slots, MaxWait: 20 * time.Millisecond, MaxWaiting: slots / 2, Advertise: true, Key: byKey, PerKey: slots / 2,
	})(http.HandlerFunc(slow)))
}

// fleetLimits are those whose grants are counted. They also decide thousands
// of keys for one request.
func (s *service) fleetLimits(mux *http.ServeMux) {
	for name, o := range map[string]ratelimit.Options{
		"flooded":      {Store: ratelimit.NewMemory(floodedKeys)},
		"fleet":        {Store: redisstore.New(s.prompt), Replicas: replicas},
		"fleet-closed": {Store: redisstore.New(s.patient), Replicas: replicas, Outage: ratelimit.FailClosed},
		"fleet-open":   {Store: redisstore.New(s.prompt), Replicas: replicas, Outage: ratelimit.FailOpen},
	} {
		o.Policies = []ratelimit.Policy{{Name: name, Quota: fleetQuota, Key: byKey}}
		o.OnDecision = func(_ *http.Request, d ratelimit.Decision) { s.decided(name, d) }
		f := new(fleetLimit)
		f.limiter.Store(ratelimit.NewLimiter(o))
		s.fleet[name] = f
		mux.Handle("GET /limited/"+name, f)
		mux.Handle("GET /flood/"+name, middleware.Timeout(patience)(respond.Handler(f.flood)))
	}
}

func (s *service) decided(limit string, d ratelimit.Decision) {
	s.ledger.figures.add("decisions by", limit+map[bool]string{true: ", Redis", false: ", without Redis"}[d.Err == nil])
	s.shared.Store(limit, d.Err == nil)
}

// isShared reports whether Redis decided the last request behind a limit.
func (s *service) isShared(limit string) bool {
	shared, _ := s.shared.Load(limit)
	return shared == true
}

func (s *service) reverseProxy() http.Handler {
	s.proxy = &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 2 * time.Second}
	return &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: s.upstream})
		},
		Transport:     s.proxy,
		FlushInterval: s.flush,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
}

// ending is closed when a server shuts down.
func (s *service) ending() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leaving
}

// leave ends the streams and the hijacked connections there are, and those that
// begin until the service enters again.
func (s *service) leave() { close(s.ending()) }

func (s *service) enter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = make(chan struct{})
}

func (s *service) close() {
	s.proxy.CloseIdleConnections()
	_ = s.prompt.Close()
	_ = s.patient.Close()
}
