package main

import (
	"net/http"
	"slices"
	"strconv"
	"sync"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/request"
	"github.com/rejoinder-go/rejoinder/respond"
)

// maxTodos bounds the list, so that clients cannot exhaust the memory.
const maxTodos = 10_000

type todo struct {
	ID    int    `json:"id"`
	Title string `json:"title"`
	Done  bool   `json:"done"`
}

// todos is the list in memory. It is safe for concurrent use.
type todos struct {
	mu   sync.Mutex
	last int
	byID map[int]todo
}

func (l *todos) register(mux *http.ServeMux) {
	mux.HandleFunc("GET /todos", l.list)
	mux.Handle("POST /todos", respond.Handler(l.create))
	mux.Handle("GET /todos/{id}", respond.Handler(l.show))
	mux.Handle("PUT /todos/{id}", respond.Handler(l.replace))
	mux.Handle("DELETE /todos/{id}", respond.Handler(l.remove))
}

func (l *todos) list(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	all := make([]todo, 0, len(l.byID))
	for _, t := range l.byID {
		all = append(all, t)
	}
	l.mu.Unlock()
	slices.SortFunc(all, func(a, b todo) int { return a.ID - b.ID })
	respond.JSON(w, http.StatusOK, all)
}

func (l *todos) create(w http.ResponseWriter, r *http.Request) error {
	t, err := read(r)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.byID) >= maxTodos {
		return problem.New(http.StatusInsufficientStorage, problem.Detail("The list is full. Delete something first."))
	}
	l.last++
	t.ID = l.last
	l.byID[t.ID] = t
	respond.Created(w, "/todos/"+strconv.Itoa(t.ID), t)
	return nil
}

func (l *todos) show(w http.ResponseWriter, r *http.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, err := l.find(r)
	if err != nil {
		return err
	}
	respond.JSON(w, http.StatusOK, t)
	return nil
}

func (l *todos) replace(w http.ResponseWriter, r *http.Request) error {
	t, err := read(r)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	old, err := l.find(r)
	if err != nil {
		return err
	}
	t.ID = old.ID
	l.byID[t.ID] = t
	respond.JSON(w, http.StatusOK, t)
	return nil
}

func (l *todos) remove(w http.ResponseWriter, r *http.Request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	t, err := l.find(r)
	if err != nil {
		return err
	}
	delete(l.byID, t.ID)
	respond.NoContent(w)
	return nil
}

// find returns the to-do that the path names. The caller must hold l.mu.
func (l *todos) find(r *http.Request) (todo, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if t, ok := l.byID[id]; err == nil && ok {
		return t, nil
	}
	return todo{}, problem.New(http.StatusNotFound, problem.Detail("There is no to-do with this number."))
}

// read returns the to-do in the body of a request.
func read(r *http.Request) (todo, error) {
	t, err := request.JSON[todo](r)
	if err != nil {
		return todo{}, err // a problem with a pointer to each fault
	}
	var v problem.Validation
	v.Check(t.Title != "", "must not be empty", "title")
	v.Check(len(t.Title) <= 200, "must have at most 200 bytes", "title")
	return t, v.Err()
}
