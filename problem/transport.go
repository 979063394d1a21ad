package problem

import "net/http"

// Transport is an [http.RoundTripper] that returns a response with a status code
// of 400 or more as an error, the one of [CheckResponse]:
//
//	client := &http.Client{Transport: &problem.Transport{}}
//	res, err := client.Get(url)
//	if errors.Is(err, OutOfCredit) {
//
// The client wraps it into a [net/url.Error], for errors.As to look into. A
// caller that needs the response itself, such as one that responds to a challenge,
// or a client whose cookie jar has to see failures, is better served by
// CheckResponse: strictly a RoundTripper does not judge a response.
//
// It retries nothing. A library that does is told by [Details.Retryable] and
// [Details.RetryAfter] whether and when. If it decides by errors, such as
// failsafe-go, the Transport is its base. If it looks at responses, such as
// hashicorp/go-retryablehttp, it is the Base of the Transport, and has to pass the
// last failure on. examples/client has both.
//
// The zero value is ready to use. It is safe for concurrent use if Base is.
type Transport struct {
	// Base sends the requests. Nil means http.DefaultTransport.
	Base http.RoundTripper
}

// RoundTrip sends the request and checks the response.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := t.base().RoundTrip(req)
	if err != nil {
		return res, err
	}
	if res.Request == nil {
		res.Request = req // to resolve references against
	}
	if err := CheckResponse(res); err != nil {
		return nil, err
	}
	return res, nil
}

// CloseIdleConnections closes those of Base, if it can.
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
