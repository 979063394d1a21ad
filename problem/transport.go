package problem

import "net/http"

// Transport is an [http.RoundTripper] that checks each response with
// [CheckResponse]. For a status code of 400 or more it returns the problem as an
// error and no response:
//
//	client := &http.Client{Transport: &problem.Transport{}}
//	res, err := client.Get(url)
//	if errors.Is(err, OutOfCredit) {
//
// An [http.Client] wraps the error in a [net/url.Error], so use errors.Is and
// errors.As. Strictly, a RoundTripper does not interpret responses. Use
// CheckResponse instead of a Transport where the caller needs the response, to
// respond to a challenge for instance, or where a cookie jar has to see failures.
//
// A Transport does not retry. [Details.Retryable] and [Details.RetryAfter] report
// whether and when a retry makes sense. A retry library that looks at errors, such
// as failsafe-go, goes around the Transport. One that looks at responses, such as
// hashicorp/go-retryablehttp, is the Base of the Transport, and has to return the
// last response. The directory examples/client shows both.
//
// The zero value is ready to use. A Transport is safe for concurrent use if Base
// is.
type Transport struct {
	// Base sends the requests. If it is nil, http.DefaultTransport does.
	Base http.RoundTripper
}

// RoundTrip sends the request and checks the response.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.base().RoundTrip(req)
	if err != nil {
		return res, err
	}
	if res.Request == nil {
		res.Request = req // CheckResponse resolves references against its URL
	}
	if err := CheckResponse(res); err != nil {
		return nil, err
	}
	return res, nil
}

// CloseIdleConnections calls the CloseIdleConnections method of Base, if it has one.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}
