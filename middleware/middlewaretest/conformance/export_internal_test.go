package conformance

var ServeForTest = serve
