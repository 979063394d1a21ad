module github.com/rejoinder-go/rejoinder/middleware/ratelimit/rueidisstore

go 1.26.0

replace github.com/rejoinder-go/rejoinder => ../../..

require (
	github.com/redis/rueidis v1.0.79
	github.com/rejoinder-go/rejoinder v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/felixge/httpsnoop v1.1.0 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)
