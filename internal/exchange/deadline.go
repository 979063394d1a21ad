package exchange

import (
	"context"
	"sync"
	"time"
)

// deadline is the context of a handler inside [Supervise]. A context of package
// context expires by its own clock. This one expires when the supervisor ends it,
// so that a handler which reacts to it cannot begin a response that is cut at the
// same moment.
type deadline struct {
	context.Context // the parent
	at              time.Time

	mu    sync.Mutex
	err   error
	done  chan struct{}
	after map[*func()]struct{}
	stop  func() bool // following the parent
}

func withDeadline(parent context.Context, at time.Time) *deadline {
	if earlier, ok := parent.Deadline(); ok && earlier.Before(at) {
		at = earlier
	}
	d := &deadline{Context: parent, at: at, done: make(chan struct{})}
	d.stop = context.AfterFunc(parent, func() { d.end(parent.Err()) })
	return d
}

// end ends the context with err, once.
func (d *deadline) end(err error) {
	d.mu.Lock()
	if d.err != nil {
		d.mu.Unlock()
		return
	}
	d.err = err
	close(d.done)
	after := d.after
	d.after = nil
	d.mu.Unlock()
	for f := range after {
		(*f)()
	}
}

// release ends the context of a handler that has returned.
func (d *deadline) release() {
	d.stop()
	d.end(context.Canceled)
}

func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }
func (d *deadline) Done() <-chan struct{}       { return d.done }

func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// AfterFunc calls f when the context ends. Package context uses it for contexts
// that are derived from this one.
func (d *deadline) AfterFunc(f func()) (stop func() bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		go f()
		return func() bool { return false }
	}
	if d.after == nil {
		d.after = make(map[*func()]struct{})
	}
	d.after[&f] = struct{}{}
	return func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		_, waiting := d.after[&f]
		delete(d.after, &f)
		return waiting
	}
}
