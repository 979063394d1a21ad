package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// counted is a trial of one replica that has used its share up.
func counted(w *world, limit string, granted int) *trial {
	t := &trial{account: &account{limit: limit, key: "k", began: time.Now(), granted: granted}, name: "one replica", servers: w.servers[:1]}
	t.refused = t.servers
	return t
}

func TestGrantsBeyondTheirBoundAreFound(t *testing.T) {
	for why, row := range map[string]struct {
		judge func(*world)
		want  string
	}{
		"as much as one life and the shares": {func(w *world) { w.settle(counted(w, "fleet", 80).account) }, ""},
		"more than that":                     {func(w *world) { w.settle(counted(w, "fleet", 82).account) }, "k has 82"},
		"as much as one life":                {func(w *world) { w.settle(counted(w, "fleet-closed", 40).account) }, ""},
		"more than one life":                 {func(w *world) { w.settle(counted(w, "fleet-closed", 42).account) }, "k has 42"},
		"as much as memory grants":           {func(w *world) { w.lose()(); w.settle(counted(w, "flooded", 40).account) }, ""},
		"more than memory grants":            {func(w *world) { w.lose()(); w.settle(counted(w, "flooded", 42).account) }, "k has 42"},
		"a share":                            {func(w *world) { w.judgeOutage("x", counted(w, "fleet", 20)) }, ""},
		"more than a share":                  {func(w *world) { w.judgeOutage("x", counted(w, "fleet", 22)) }, "k has 22"},
		"less than a share":                  {func(w *world) { w.judgeOutage("x", counted(w, "fleet", 19)) }, "the share is 20"},
		"something by FailClosed":            {func(w *world) { w.judgeOutage("x", counted(w, "fleet-closed", 1)) }, "k has 1"},
		"a refusal by FailOpen":              {func(w *world) { w.judgeOutage("x", counted(w, "fleet-open", 1)) }, "refused: k has 1"},
		"what is charged afterwards":         {func(w *world) { w.judgeReturn("x", counted(w, "fleet", 40)) }, ""},
		"what is not charged afterwards":     {func(w *world) { w.judgeReturn("x", counted(w, "fleet", 42)) }, "k has 42"},
	} {
		f := newFigures()
		row.judge(&world{figures: f, servers: []*server{{}, {}}})
		if got := strings.Join(f.violations, "\n"); row.want == "" {
			assert.Empty(t, got, why)
		} else {
			assert.Contains(t, got, row.want, why)
		}
	}
}

func TestAKeyHasALifeForEachLoss(t *testing.T) {
	w := new(world)
	began := time.Now()
	assert.Equal(t, 1, w.lives(began, time.Now()))
	over := w.lose()
	assert.Equal(t, 2, w.lives(began, time.Now()), "the loss lasts")
	over()
	assert.Equal(t, 2, w.lives(began, time.Now()), "the loss is over")
	assert.Equal(t, 1, w.lives(time.Now(), time.Now()), "the key is younger")
}
