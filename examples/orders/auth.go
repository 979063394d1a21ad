package main

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// user is an authenticated client.
type user struct {
	name string
	plan string
}

// users maps the hash of a token to its user, so that no token is in memory, and the
// time of a look-up reveals nothing about the tokens.
type users map[[sha256.Size]byte]user

func demoUsers() users {
	return users{
		sha256.Sum256([]byte("demo-free")): {"alice", "free"},
		sha256.Sum256([]byte("demo-pro")):  {"bob", "pro"},
	}
}

type userKey struct{}

// userOf returns the user of a request that required has passed on.
func userOf(r *http.Request) user {
	u, _ := r.Context().Value(userKey{}).(user)
	return u
}

// challenge is the value of WWW-Authenticate (RFC 6750, section 3).
const challenge = `Bearer realm="orders"`

// required passes on requests with a valid token, and responds to others with 401.
func (u users) required(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			respond.Error(w, http.StatusUnauthorized, problem.Challenge(challenge))
			return
		}
		found, ok := u[sha256.Sum256([]byte(token))]
		if !ok {
			respond.Error(w, http.StatusUnauthorized, problem.Challenge(challenge+`, error="invalid_token"`),
				problem.Detail("The token is not valid, or has expired."))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, found)))
	})
}
