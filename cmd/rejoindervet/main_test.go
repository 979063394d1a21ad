package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const handler = `package main

import (
	"fmt"
	"net/http"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		fmt.Fprintln(w, "done")
	})
}
`

// build returns the path of the command.
func build(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "rejoindervet")
	if out, err := exec.Command("go", "build", "-o", tool, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return tool
}

// module returns the directory of a module with one handler.
func module(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.test/server\n\ngo 1.26.0\n", "main.go": handler} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run returns what a command in a directory prints, and whether it succeeds.
func run(t *testing.T, dir string, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func TestCommandRuns(t *testing.T) {
	tool := build(t)

	t.Run("as a tool of go vet", func(t *testing.T) {
		out, ok := run(t, module(t), "go", "vet", "-vettool="+tool, "./...")
		if ok || !strings.Contains(out, "main.go:11:18: the client of this 500 reads") || !strings.Contains(out, "main.go:11:4: the handler goes on after") {
			t.Errorf("go vet -vettool succeeds: %v, prints:\n%s", ok, out)
		}
	})

	t.Run("as a tool of go vet, with checks switched off", func(t *testing.T) {
		out, ok := run(t, module(t), "go", "vet", "-vettool="+tool, "-leak=false", "-noreturn=false", "./...")
		if !ok {
			t.Errorf("go vet -vettool with both checks off prints:\n%s", out)
		}
	})

	t.Run("by itself, and mends what it can", func(t *testing.T) {
		dir := module(t)
		out, _ := run(t, dir, tool, "-noreturn", "-fix", "./...")
		got, err := os.ReadFile(filepath.Join(dir, "main.go"))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Replace(handler, "ServerError)\n", "ServerError)\n\t\t\treturn\n", 1)
		if string(got) != want {
			t.Errorf("rejoindervet -fix prints:\n%s\nand leaves:\n%s", out, got)
		}
	})
}
