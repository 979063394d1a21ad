module github.com/rejoinder-go/rejoinder

go 1.26
