package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-playground/validator/v10"

	rejoindervalidator "github.com/rejoinder-go/rejoinder/contrib/validator"
	"github.com/rejoinder-go/rejoinder/examples/orders/api"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

func (s *service) list(w http.ResponseWriter, r *http.Request) error {
	respond.JSON(w, http.StatusOK, s.store.all(userOf(r).name))
	return nil
}

func (s *service) create(w http.ResponseWriter, r *http.Request) error {
	wish, err := wished(r)
	if err != nil {
		return err
	}
	o, err := s.store.create(userOf(r).name, wish)
	if err != nil {
		return err
	}
	s.publish(r, "created", o)
	version(o).SetHeader(w.Header())
	respond.Created(w, "/orders/"+strconv.Itoa(o.ID), o)
	return nil
}

func (s *service) read(w http.ResponseWriter, r *http.Request) error {
	o, err := s.store.read(userOf(r).name, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if respond.Conditional(w, r, version(o)) {
		return nil
	}
	respond.JSON(w, http.StatusOK, o)
	return nil
}

func (s *service) update(w http.ResponseWriter, r *http.Request) error {
	wish, err := wished(r)
	if err != nil {
		return err
	}
	o, err := s.store.update(userOf(r).name, chi.URLParam(r, "id"), wish, func(current api.Order) error {
		return version(current).Require(r)
	})
	if err != nil {
		return err
	}
	s.publish(r, "changed", o)
	version(o).SetHeader(w.Header())
	respond.JSON(w, http.StatusOK, o)
	return nil
}

func (s *service) cancel(w http.ResponseWriter, r *http.Request) error {
	o, err := s.store.remove(userOf(r).name, chi.URLParam(r, "id"), func(current api.Order) error {
		return version(current).Check(r)
	})
	if err != nil {
		return err
	}
	s.publish(r, "cancelled", o)
	respond.NoContent(w)
	return nil
}

// heartbeat is shorter than the time after which proxies drop a connection.
const heartbeat = 15 * time.Second

func (s *service) events(w http.ResponseWriter, r *http.Request) error {
	return respond.Events(w, r, s.hub.events(r.Context(), userOf(r).name, heartbeat))
}

func (s *service) publish(r *http.Request, what string, o api.Order) {
	s.hub.publish(userOf(r).name, respond.Event{Name: what, Data: o})
}

// validate checks the tags of a struct. It keeps what it learns of each type.
var validate = validator.New(validator.WithRequiredStructEnabled())

// wished reads and checks the body of a request.
func wished(r *http.Request) (api.Wish, error) {
	wish, err := request.JSON[api.Wish](r)
	if err != nil {
		return wish, err
	}
	return wish, rejoindervalidator.Err(wish, validate.Struct(wish))
}

func version(o api.Order) respond.Validators {
	return respond.Validators{Tag: strconv.Itoa(o.Revision), Modified: o.Changed}
}
