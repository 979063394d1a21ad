package model_test

import (
	"fmt"
	"net/http"
	"strings"
)

// A call is one step of a program, in three bytes: what is done, and two
// operands whose meaning depends on it. Every byte means something, so that a
// fuzzer wastes none.
type call struct{ op, a, b byte }

// op is what a call does.
type op byte

const (
	opReturn op = iota // the zero byte is the most harmless call
	opWriteHeader
	opWrite
	opWriteString
	opCopy
	opSetHeader
	opAddHeader
	opDelHeader
	opDeclareLength
	opTrailer
	opFlush
	opError
	opNotFound
	opRedirect
	opServeContent
	opReadBody
	opParseForm
	opHijack
	opDeadline
	opFullDuplex
	opRespond
	opPanic
	opFail
	opWait
	opLate
)

// ops has each op as often as it is likely.
var ops = [...]op{
	opReturn, opWriteHeader, opWriteHeader, opWriteHeader, opWriteHeader,
	opWrite, opWrite, opWrite, opWrite, opWrite, opWriteString, opWriteString, opCopy, opCopy, opCopy,
	opSetHeader, opSetHeader, opSetHeader, opSetHeader, opSetHeader, opSetHeader, opAddHeader, opDelHeader,
	opDeclareLength, opDeclareLength, opTrailer, opTrailer, opFlush, opFlush,
	opError, opError, opError, opNotFound, opRedirect, opServeContent,
	opReadBody, opReadBody, opParseForm, opHijack, opDeadline, opFullDuplex, opRespond, opRespond, opPanic, opFail, opWait, opLate,
}

func (c call) kind() op { return ops[int(c.op)%len(ops)] }

// pick returns the element of values that an operand means.
func pick[T any](values []T, operand byte) T { return values[int(operand)%len(values)] }

var codes = []int{
	200, 404, 500, 204, 304, 400, 503, 0, 103, 205, 302, 201, 401, 403, 405, 406, 409, 410, 412, 413, 415, 416, 418, 422,
	426, 428, 429, 431, 451, 499, 501, 502, 504, 511, 599, 100, 101, 102, 199, -1, 99, 600, 999, 1000, 202, 203, 206, 207, 208, 226,
	299, 300, 301, 303, 305, 306, 307, 308, 402, 407, 408, 421, 425,
}

// sizes are those at which net/http's buffers and ours change their behaviour:
// 512 for the type of a body, 2048 for its length, 4096 for a connection.
var sizes = []int{5, 0, 1, 100, 511, 512, 513, 1500, 2047, 2048, 2049, 4095, 4096, 4097, 10000, 70000}

// canary is part of every text that a program writes or panics with.
const canary = "canary"

// fill are the kinds of text that a body is made of.
var fills = []string{"canary of a text. ", "{canary}", "[canary]", "<!DOCTYPE html><p>canary", "\x89PNG\r\n\x1a\ncanary", "canary\x00\x01\xff"}

// body returns n bytes of the kind that the operand means.
func body(n int, operand byte) string {
	fill := pick(fills, operand)
	switch {
	case fill == "{canary}" && n > 16:
		return `{"canary":"` + strings.Repeat("a", n-13) + `"}`
	case fill == "[canary]" && n > 12:
		return `["canary` + strings.Repeat("a", n-10) + `"]`
	}
	return strings.Repeat(fill, n/len(fill)+1)[:n]
}

// fields are what programs set, each with values that fit it, or do not.
var fields = []struct {
	name   string
	values []string
}{
	{"Content-Type", []string{
		"text/plain; charset=utf-8", "application/json", "text/html; charset=utf-8", "application/problem+json", "text/plain",
		"application/xml", "image/png", "text/event-stream", "", "multipart/byteranges; boundary=x",
	}},
	{"X-Content-Type-Options", []string{"nosniff", ""}},
	{"Content-Length", []string{"5", "0", "1", "100", "512", "2048", "70000", "x", "-1", "+5", "99999999999999999999"}},
	{"Content-Encoding", []string{"gzip", "identity", "br"}},
	{"Etag", []string{`"e"`, `W/"e"`}},
	{"Last-Modified", []string{"Sat, 01 Jan 2000 00:00:00 GMT"}},
	{"Cache-Control", []string{"max-age=60", "no-store", "private"}},
	{"Location", []string{"/there", "https://example.com/"}},
	{"Connection", []string{"close", "keep-alive", "Upgrade", "X-Hop"}},
	{"Upgrade", []string{"websocket", "h2c"}},
	{"Transfer-Encoding", []string{"identity", "chunked"}},
	{"Vary", []string{"Accept", "*", "Cookie"}},
	{"Allow", []string{"GET, HEAD"}},
	{"Www-Authenticate", []string{"Basic realm=x"}},
	{"Retry-After", []string{"7"}},
	{"Content-Range", []string{"bytes */5", "bytes 0-4/5"}},
	{"Content-Language", []string{"en"}},
	{"Content-Disposition", []string{"attachment"}},
	{"Accept-Ranges", []string{"bytes"}},
	{"Set-Cookie", []string{"a=b", "c=d"}},
	{"Link", []string{"</x>; rel=preload"}},
	{"X-Own", []string{"1", "two words", "line\r\nbreak", ""}},
	{"Date", []string{"Sat, 01 Jan 2000 00:00:00 GMT", ""}},
	{"Trailer", []string{"X-Trailer", "X-Trailer, X-Other", "Etag"}},
	{"Access-Control-Allow-Origin", []string{"*"}},
}

// trailers are fields that go out behind a body if they have been declared, or
// have the prefix.
var trailers = []string{"X-Trailer", "X-Other", http.TrailerPrefix + "X-Late", http.TrailerPrefix + "Etag"}

// errorCodes are what http.Error is called with.
var errorCodes = []int{500, 404, 400, 503, 401, 403, 405, 409, 413, 416, 418, 422, 429, 431, 499, 502, 504, 511, 200, 204, 304, 0, 999}

// texts are what http.Error is called with.
var texts = []string{
	"canary of an error", "", "404 page not found", `{"error":"canary"}`, "canary\nof\nlines", "\x00canary", "Internal Server Error",
	"canary " + strings.Repeat("long ", 150), "canary " + strings.Repeat("longer ", 700), "BM canary", "<html>canary</html>", "  ", "[1]",
}

// A source is what io.Copy reads from.
type source struct {
	name string
	size int // before the error, if any
	fail bool
}

var copySources = func() (all []source) {
	for _, n := range []int{0, 5, 511, 512, 513, 3000, 40000} {
		all = append(all, source{fmt.Sprintf("source(%d)", n), n, false}, source{fmt.Sprintf("failing(%d)", n), n, true})
	}
	return all
}()

// String returns the call as a statement of Go.
func (c call) String() string {
	switch c.kind() {
	case opReturn:
		return "return nil"
	case opWriteHeader:
		return fmt.Sprintf("w.WriteHeader(%d)", pick(codes, c.a))
	case opWrite:
		return fmt.Sprintf("w.Write(body(%d, %q))", pick(sizes, c.a), pick(fills, c.b))
	case opWriteString:
		return fmt.Sprintf("io.WriteString(w, body(%d, %q))", pick(sizes, c.a), pick(fills, c.b))
	case opCopy:
		return fmt.Sprintf("io.Copy(w, %s of %q)%s", pick(copySources, c.a).name, pick(fills, c.b), pick([]string{"", " // the error is returned"}, c.b>>7))
	case opSetHeader, opAddHeader, opDelHeader:
		f := pick(fields, c.a)
		if c.kind() == opDelHeader {
			return fmt.Sprintf("w.Header().Del(%q)", f.name)
		}
		verb := map[op]string{opSetHeader: "Set", opAddHeader: "Add"}[c.kind()]
		return fmt.Sprintf("w.Header().%s(%q, %q)", verb, f.name, pick(f.values, c.b))
	case opDeclareLength:
		return `w.Header().Set("Content-Length", the bytes to come` + pick(lengthErrors, c.a).name + ")"
	case opTrailer:
		return fmt.Sprintf("w.Header().Set(%q, \"canary\")", pick(trailers, c.a))
	case opFlush:
		return pick([]string{"w.(http.Flusher).Flush()", "rc.Flush()"}, c.a)
	case opError:
		return fmt.Sprintf("http.Error(w, %.40q, %d)", pick(texts, c.b), pick(errorCodes, c.a))
	case opNotFound:
		return "http.NotFound(w, r)"
	}
	return c.rareString()
}

// lengthErrors are how far a declared length is from the bytes that follow.
var lengthErrors = []struct {
	name string
	by   int
}{{"", 0}, {"", 0}, {"", 0}, {"+1", 1}, {"-1", -1}}

func (c call) rareString() string {
	switch c.kind() {
	case opRedirect:
		return fmt.Sprintf(`http.Redirect(w, r, "/there", %d)`, pick(redirects, c.a))
	case opServeContent:
		return fmt.Sprintf(`http.ServeContent(w, r, %q, modified, body(%d, %q))`, pick(names, c.b), pick(sizes, c.a), pick(fills, c.b))
	case opReadBody:
		return pick([]string{"io.ReadAll(r.Body)", "io.ReadFull(r.Body, 3)", "r.Body.Close()", "io.ReadFull(r.Body, 3000)"}, c.a)
	case opParseForm:
		return "r.ParseMultipartForm(100)"
	case opHijack:
		return pick([]string{"rc.Hijack(), raw response, Close", "w.(http.Hijacker).Hijack(), raw response, Close", "rc.Hijack(), Close"}, c.a)
	case opDeadline:
		return pick([]string{"rc.SetReadDeadline(in 40 minutes)", "rc.SetWriteDeadline(in 40 minutes)", "rc.SetReadDeadline(time.Time{})", "rc.SetWriteDeadline(time.Time{})"}, c.a)
	case opFullDuplex:
		return "rc.EnableFullDuplex()"
	case opRespond:
		return fmt.Sprintf(pick([]string{"respond.Error(w, %d)", "respond.Problem(w, r, problem.New(%d))", "respond.JSON(w, 200, %d)"}, c.a), pick(problemCodes, c.b))
	case opPanic:
		return pick([]string{`panic("canary")`, `panic(errors.New("canary"))`, "panic(http.ErrAbortHandler)", "runtime.Goexit()", `panic(fmt.Errorf("%w", http.ErrAbortHandler))`}, c.a)
	case opFail:
		return pick([]string{`return errors.New("canary")`, "return problem.New(409)", "return problem.New(503)", "return io.ErrUnexpectedEOF"}, c.a)
	case opWait:
		return pick(waits, c.a)
	case opLate:
		if c.a%4 == 3 {
			return "// The server has its turn, and the client its response. What follows comes from a goroutine that was left."
		}
		return "// The middlewares return. What follows comes late, but before net/http has its turn."
	}
	return "?"
}

var waits = []string{
	"time.Sleep(2 * time.Hour)", "select { case <-r.Context().Done(): case <-time.After(2 * time.Hour): }",
	"select { case <-r.Context().Done(): return r.Context().Err(); case <-time.After(2 * time.Hour): }", "time.Sleep(50 * time.Minute)",
}

var (
	problemCodes = []int{404, 503, 400, 401, 405, 416, 426, 429, 500, 204}

	redirects = []int{302, 301, 303, 307, 308, 300, 304, 200, 404}
	names     = []string{"a.txt", "a", "a.html", "a.json"}
)
