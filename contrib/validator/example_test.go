package validator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/go-playground/validator/v10"

	rejoindervalidator "github.com/rejoinder-go/rejoinder/contrib/validator"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

func Example() {
	type line struct {
		SKU      string `json:"sku" validate:"required"`
		Quantity int    `json:"quantity" validate:"min=1"`
	}
	type order struct {
		Email string `json:"email" validate:"email"`
		Lines []line `json:"lines" validate:"min=1,dive"`
	}
	validate := validator.New(validator.WithRequiredStructEnabled())
	h := respond.Handler(func(w http.ResponseWriter, r *http.Request) error {
		o, err := request.JSON[order](r)
		if err != nil {
			return err
		}
		if err := rejoindervalidator.Err(o, validate.Struct(o)); err != nil {
			return err
		}
		respond.Created(w, "/orders/1", o)
		return nil
	})

	rec := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/orders", strings.NewReader(`{"email": "a@example.com", "lines": [{"sku": "A1"}]}`))
	r.Header.Set("Content-Type", "application/json")
	h.ServeHTTP(rec, r)
	_, list, _ := strings.Cut(rec.Body.String(), `"errors":`)
	fmt.Println(rec.Code, list)
	// Output: 422 [{"detail":"must be at least 1","pointer":"#/lines/0/quantity","code":"min"}]}
}
