package respond_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// Localize translates titles and details, here by a look-up in a map.
func ExampleNegotiateLanguage() {
	german := map[int]string{404: "Nicht gefunden"}
	responder := respond.Responder{
		Localize: func(r *http.Request, d *problem.Details) string {
			title, known := german[d.Status]
			if !known || respond.NegotiateLanguage(r, "en", "de") != "de" {
				return ""
			}
			d.Title, d.Detail = title, ""
			return "de"
		},
	}

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Language", "de-AT, en;q=0.5")
	w := httptest.NewRecorder()
	responder.Problem(w, r, problem.New(404))
	fmt.Println(w.Header().Get("Content-Language"), w.Header().Values("Vary"))
	fmt.Println(w.Body)
	// Output:
	// de [Accept-Language Accept]
	// {"type":"about:blank","title":"Nicht gefunden","status":404}
}
