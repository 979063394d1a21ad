package conformance

import (
	"encoding/binary"
	"fmt"
)

// The types of frames (RFC 9113, section 6). Others are ignored.
const (
	frameData = iota
	frameHeaders
	_
	frameReset
	frameSettings
	framePush
	framePing
	frameGoAway
	frameWindow
	frameContinuation
)

// The flags of frames. END_STREAM and ACK share a bit.
const (
	flagEndStream  = 0x1
	flagAck        = 0x1
	flagEndHeaders = 0x4
	flagPadded     = 0x8
	flagPriority   = 0x20
)

const (
	preface   = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	maxFrame  = 16 << 10 // what both sides accept unless a setting says otherwise
	maxBlock  = 256 << 10
	maxFrames = 1 << 16 // in one exchange, against a server that only pings
)

// frame is one frame of HTTP/2.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func (f frame) has(flag byte) bool { return f.flags&flag != 0 }

// unpadded returns the payload of DATA or HEADERS without padding and priority.
func (f frame) unpadded() ([]byte, bool) {
	p := f.payload
	if f.has(flagPadded) {
		if len(p) == 0 || int(p[0]) >= len(p) {
			return nil, false
		}
		p = p[1 : len(p)-int(p[0])]
	}
	if f.kind == frameHeaders && f.has(flagPriority) {
		if len(p) < 5 {
			return nil, false
		}
		p = p[5:]
	}
	return p, true
}

// appendTo appends the frame as it is on the wire.
func (f frame) appendTo(b []byte) []byte {
	n := len(f.payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), f.kind, f.flags)
	return append(binary.BigEndian.AppendUint32(b, f.stream), f.payload...)
}

// errorCode names an error code (RFC 9113, section 7).
func errorCode(code uint32) string {
	names := [...]string{"NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
		"REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"}
	if int(code) < len(names) {
		return names[code]
	}
	return fmt.Sprintf("the error code %d", code)
}
