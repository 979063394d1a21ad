package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	chimiddleware "github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httplog/v3"
	"github.com/go-chi/httprate"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/middleware/clientip"
	"github.com/rejoinder-go/rejoinder/middleware/ratelimit"
)

// service is a whole service in a process of its own. What is measured is the processor
// time of the process for a request, in user and in system mode, which includes net/http,
// the kernel and the garbage collector.
type service struct {
	name, note string
	// part is the layer of our chain that this service does not have, or "".
	part    string
	handler func(logs io.Writer) http.Handler
}

// The services that the others are compared with.
const (
	rawService   = "raw"
	chainService = "rejoinder, the chain of the README"
	peerService  = "chi, httplog, httprate"
)

const accessLog = "AccessLog"

var services = []service{
	{rawService, "a ServeMux with one route", "", func(io.Writer) http.Handler { return oneRoute() }},
	{"rejoinder, Normalize alone", "the same ServeMux", "", func(io.Writer) http.Handler { return middleware.Normalize(oneRoute()) }},
	{chainService, "RequestID, AccessLog in JSON, Normalize, and ratelimit by address", "", chainWithout("")},
	{"chi, Logger, httprate", "its router, RequestID, Logger, Recoverer, and httprate by address", "", func(logs io.Writer) http.Handler {
		logger := chimiddleware.RequestLogger(&chimiddleware.DefaultLogFormatter{Logger: log.New(logs, "", log.LstdFlags), NoColor: true})
		return oneChiRoute(chimiddleware.RequestID, logger, chimiddleware.Recoverer, httprate.LimitBy(generous.n, generous.per, remoteAddr))
	}},
	{peerService, "its router, RequestID, RequestLogger in JSON with RecoverPanics, and httprate by address", "", func(logs io.Writer) http.Handler {
		logger := httplog.RequestLogger(slog.New(slog.NewJSONHandler(logs, nil)), &httplog.Options{Level: slog.LevelInfo, RecoverPanics: true})
		return oneChiRoute(chimiddleware.RequestID, logger, httprate.LimitBy(generous.n, generous.per, remoteAddr))
	}},
	without("RequestID"), without(accessLog), without("Normalize"), without("ratelimit"),
}

// without returns the service with our chain but for one layer.
func without(part string) service {
	return service{"without " + part, "", part, chainWithout(part)}
}

func chainWithout(part string) func(io.Writer) http.Handler {
	return func(logs io.Writer) http.Handler {
		logger := slog.New(slog.NewJSONHandler(logs, nil))
		var layers []func(http.Handler) http.Handler
		for _, l := range []struct {
			name string
			wrap func(http.Handler) http.Handler
		}{
			{"RequestID", middleware.RequestID},
			{accessLog, middleware.AccessLogWith(middleware.AccessLogOptions{Logger: logger})},
			{"Normalize", middleware.NormalizeWith(middleware.NormalizeOptions{Logger: logger})},
			{"ratelimit", ratelimit.New(ratelimit.Policy{
				Quota: ratelimit.Quota{N: generous.n, Per: generous.per},
				Key:   ratelimit.ByIP(clientip.Direct),
			})},
		} {
			if l.name != part {
				layers = append(layers, l.wrap)
			}
		}
		return middleware.Chain(layers...)(oneRoute())
	}
}

func oneRoute() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", small(http.StatusOK))
	return mux
}

func oneChiRoute(layers ...func(http.Handler) http.Handler) http.Handler {
	r := chi.NewRouter()
	r.Use(layers...)
	r.Get("/orders/{id}", small(http.StatusOK))
	return r
}

// The load of a service.
const (
	serverProcs     = 1 // GOMAXPROCS of the server, so that no time is spent on waking idle threads
	connections     = 4 // which are kept alive, each with one request at a time
	serviceRequests = 1500
)

// requestKinds are the requests to a service, and the status of their responses.
var requestKinds = []struct {
	name, path string
	status     int
}{
	{"success", path, http.StatusOK},
	{"404", unknownPath, http.StatusNotFound},
}

// runService is the process of a service. It prints its address, and then for each
// line that it reads the processor time that it has used, in nanoseconds. Logs are
// written to the null device, with one write for each record.
func runService(name string) error {
	runtime.GOMAXPROCS(serverProcs)
	logs, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	for _, s := range services {
		if s.name == name {
			srv := &http.Server{Handler: s.handler(logs)}
			go func() { log.Fatal(srv.Serve(l)) }()
		}
	}
	fmt.Println(l.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		fmt.Println(cpuTime().Nanoseconds())
	}
	return nil
}

// process is a running service.
type process struct {
	service
	cmd   *exec.Cmd
	in    io.WriteCloser // each line requests the processor time
	out   *bufio.Scanner
	conns []*connection
}

// start runs a service in a process of the given program.
func (s service) start(program string) (*process, error) {
	p := &process{service: s, cmd: exec.Command(program, "-service", s.name)}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.in, p.out = in, bufio.NewScanner(out)
	if !p.out.Scan() {
		return nil, errors.Join(fmt.Errorf("%s does not start", s.name), p.stop())
	}
	for range connections {
		c, err := dial(p.out.Text())
		if err != nil {
			return nil, errors.Join(err, p.stop())
		}
		p.conns = append(p.conns, c)
	}
	return p, nil
}

func (p *process) stop() error {
	for _, c := range p.conns {
		_ = c.Close()
	}
	_ = p.in.Close() // which ends the process
	return p.cmd.Wait()
}

// cpu returns the processor time that the service has used so far.
func (p *process) cpu() (time.Duration, error) {
	if _, err := io.WriteString(p.in, "\n"); err != nil {
		return 0, err
	}
	if !p.out.Scan() {
		return 0, fmt.Errorf("%s has ended", p.name)
	}
	ns, err := strconv.ParseInt(p.out.Text(), 10, 64)
	return time.Duration(ns), err
}

// measure returns the processor time of one request, the mean of n on all
// connections.
func (p *process) measure(path string, status, n int) (time.Duration, error) {
	before, err := p.cpu()
	if err != nil {
		return 0, err
	}
	failed := make([]error, len(p.conns))
	var wg sync.WaitGroup
	for i, c := range p.conns {
		wg.Go(func() {
			for range n / len(p.conns) {
				if failed[i] = c.get(path, status); failed[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return 0, fmt.Errorf("%s: %w", p.name, err)
	}
	after, err := p.cpu()
	return (after - before) / time.Duration(n/len(p.conns)*len(p.conns)), err
}

// connection is a client that does as little as possible, since it shares the machine
// with the server.
type connection struct {
	net.Conn
	in *bufio.Reader
}

func dial(addr string) (*connection, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &connection{c, bufio.NewReader(c)}, nil
}

// get sends a request and reads the whole response, which has to have a
// Content-Length.
func (c *connection) get(path string, status int) error {
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmarks\r\nAccept: */*\r\n\r\n"); err != nil {
		return err
	}
	line, err := c.in.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "HTTP/1.1 "+strconv.Itoa(status)+" ") {
		return fmt.Errorf("status line %q, want %d", line, status)
	}
	length := -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) == 2 {
			break
		}
		if n, ok := strings.CutPrefix(string(line), "Content-Length: "); ok {
			if length, err = strconv.Atoi(strings.TrimSpace(n)); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return errors.New("the response has no Content-Length")
	}
	_, err = c.in.Discard(length)
	return err
}

// serviceSample is one round: the time of a request by service and kind.
type serviceSample map[string]float64

func serviceKey(service, kind string) string { return service + "\t" + kind }

// measureServices measures the services of all releases alternately, so that other load
// of the machine affects all of them equally.
func measureServices(all []*measurement, rounds int) error {
	running := make([][]*process, len(all))
	defer func() {
		for _, ps := range running {
			for _, p := range ps {
				_ = p.stop()
			}
		}
	}()
	for i, m := range all {
		for _, s := range services {
			p, err := s.start(m.program)
			if err != nil {
				return err
			}
			running[i] = append(running[i], p)
		}
	}
	for round := range rounds + 1 {
		samples := make([]serviceSample, len(all))
		for i := range samples {
			samples[i] = serviceSample{}
		}
		for _, turn := range shuffledTurns(len(all), round) {
			p, kind := running[turn.release][turn.service], requestKinds[turn.kind]
			took, err := p.measure(kind.path, kind.status, serviceRequests)
			if err != nil {
				return err
			}
			samples[turn.release][serviceKey(p.name, kind.name)] = float64(took.Nanoseconds())
		}
		if round == 0 {
			continue // to warm up
		}
		for i, m := range all {
			m.services = append(m.services, samples[i])
		}
	}
	return nil
}

// turn is one measurement: of a service, for a kind of request.
type turn struct{ release, service, kind int }

// shuffledTurns returns the turns of a round.
func shuffledTurns(releases, round int) []turn {
	var turns []turn
	for release := range releases {
		for service := range services {
			for kind := range requestKinds {
				turns = append(turns, turn{release, service, kind})
			}
		}
	}
	rand.New(rand.NewPCG(uint64(round), 0)).Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
	return turns
}
