package respond_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"

	"github.com/rejoinder-go/rejoinder/middleware"
	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// inTheirFormat renders a problem as JSON:API for clients that accept that, as an
// error of OAuth (RFC 6749, section 5.2) at the token endpoint, and otherwise as
// usual.
func inTheirFormat(r *http.Request, d *problem.Details) (mediaType string, body []byte) {
	const jsonAPI = "application/vnd.api+json"
	switch {
	case r.URL.Path == "/oauth/token":
		code := "invalid_request"
		if d.Status == http.StatusUnauthorized {
			code = "invalid_client"
		}
		body, _ = json.Marshal(map[string]string{"error": code, "error_description": d.Detail})
		return "application/json", body
	case respond.Negotiate(r, problem.MediaType, jsonAPI) == jsonAPI:
		body, _ = json.Marshal(map[string]any{"errors": []any{map[string]string{
			"status": strconv.Itoa(d.Status), "title": d.Title, "detail": d.Detail,
		}}})
		return jsonAPI, body
	}
	return "", nil
}

// One service speaks several error formats. Render sees every problem inside the
// Normalize that has the Responder.
func ExampleResponder_formats() {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 401, problem.Challenge(`Basic realm="oauth"`), problem.Detail("The client is not known."))
	})
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		respond.Error(w, 404, problem.Detail("There is no such order."))
	})
	h := middleware.NormalizeWith(middleware.NormalizeOptions{
		Responder: &respond.Responder{Render: inTheirFormat},
	})(mux)

	srv := httptest.NewServer(h)
	defer srv.Close()
	for _, c := range []struct{ method, path, accept string }{
		{"POST", "/oauth/token", ""},
		{"GET", "/orders/7", "application/vnd.api+json"},
		{"GET", "/orders/7", ""},
	} {
		r, _ := http.NewRequest(c.method, srv.URL+c.path, nil)
		r.Header.Set("Accept", c.accept)
		res, err := srv.Client().Do(r)
		if err != nil {
			panic(err)
		}
		b, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		fmt.Println(res.StatusCode, res.Header.Get("Content-Type"))
		fmt.Println(string(b))
	}
	// Output:
	// 401 application/json
	// {"error":"invalid_client","error_description":"The client is not known."}
	// 404 application/vnd.api+json
	// {"errors":[{"detail":"There is no such order.","status":"404","title":"Not Found"}]}
	// 404 application/problem+json
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"There is no such order."}
}
