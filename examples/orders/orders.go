package main

import (
	"iter"
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
	in, err := read(r)
	if err != nil {
		return err
	}
	o, err := s.store.create(userOf(r).name, in)
	if err != nil {
		return err
	}
	s.publish(r, "created", o)
	validators(o).SetHeader(w.Header())
	respond.Created(w, "/orders/"+strconv.Itoa(o.ID), o)
	return nil
}

func (s *service) read(w http.ResponseWriter, r *http.Request) error {
	o, err := s.store.read(userOf(r).name, chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	if respond.Conditional(w, r, validators(o)) {
		return nil
	}
	respond.JSON(w, http.StatusOK, o)
	return nil
}

func (s *service) update(w http.ResponseWriter, r *http.Request) error {
	in, err := read(r)
	if err != nil {
		return err
	}
	o, err := s.store.update(userOf(r).name, chi.URLParam(r, "id"), in, func(current api.Order) error {
		return validators(current).Require(r)
	})
	if err != nil {
		return err
	}
	s.publish(r, "changed", o)
	validators(o).SetHeader(w.Header())
	respond.JSON(w, http.StatusOK, o)
	return nil
}

func (s *service) cancel(w http.ResponseWriter, r *http.Request) error {
	o, err := s.store.remove(userOf(r).name, chi.URLParam(r, "id"), func(current api.Order) error {
		return validators(current).Check(r)
	})
	if err != nil {
		return err
	}
	s.publish(r, "cancelled", o)
	respond.NoContent(w)
	return nil
}

// heartbeat is shorter than the time after which proxies close an idle connection.
const heartbeat = 15 * time.Second

// patience is how long the write of an event may block. It is longer than the time
// between two heartbeats, since HTTP/2 ends a stream whose deadline has passed.
const patience = 2 * heartbeat

func (s *service) events(w http.ResponseWriter, r *http.Request) error {
	return respond.Events(w, r, inTime(w, s.hub.events(r.Context(), userOf(r).name, heartbeat)))
}

// inTime sets a deadline for the write of the header and of each event, so that a
// client which does not read loses its stream.
func inTime(w http.ResponseWriter, events iter.Seq2[respond.Event, error]) iter.Seq2[respond.Event, error] {
	extend := func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(patience)) }
	extend()
	return func(yield func(respond.Event, error) bool) {
		for e, err := range events {
			extend()
			if !yield(e, err) {
				return
			}
		}
	}
}

func (s *service) publish(r *http.Request, event string, o api.Order) {
	s.hub.publish(userOf(r).name, respond.Event{Name: event, Data: o})
}

// validate validates structs by their tags. It caches what it learns about each type,
// so that there is one for the whole program.
var validate = validator.New(validator.WithRequiredStructEnabled())

// read reads the body of a request and validates it.
func read(r *http.Request) (api.OrderRequest, error) {
	in, err := request.JSON[api.OrderRequest](r)
	if err != nil {
		return in, err
	}
	return in, rejoindervalidator.Err(in, validate.Struct(in))
}

func validators(o api.Order) respond.Validators {
	return respond.Validators{Tag: strconv.Itoa(o.Revision), Modified: o.Changed}
}
