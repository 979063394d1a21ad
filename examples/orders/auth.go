package main

import (
	"context"
	"crypto/sha256"
	"net/http"
	"strings"

	"github.com/rejoinder-go/rejoinder/problem"
	"github.com/rejoinder-go/rejoinder/respond"
)

// user is a client that has shown a token.
type user struct {
	name string
	plan string
}

// users finds a user by the hash of a token, so that no token is in memory and
// a comparison takes the same time whatever is compared.
type users map[[sha256.Size]byte]user

func demoUsers() users {
	return users{
		sha256.Sum256([]byte("demo-free")): {"alice", "free"},
		sha256.Sum256([]byte("demo-pro")):  {"bob", "pro"},
	}
}

type userKey struct{}

// userOf returns the user of a request inside required.
func userOf(r *http.Request) user {
	u, _ := r.Context().Value(userKey{}).(user)
	return u
}

// challenge says how to authenticate (RFC 6750, section 3).
const challenge = `Bearer realm="orders"`

// required passes requests with a valid token, and challenges the others.
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
				problem.Detail("The token is not valid, or not any more."))
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, found)))
	})
}
