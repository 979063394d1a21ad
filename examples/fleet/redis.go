package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"
)

// ownRedis is a redis-server that runs as long as the program, and stores nothing on
// disk.
type ownRedis struct {
	addr   string
	cmd    *exec.Cmd
	exited chan error
}

var errNoRedis = errors.New(`fleet: no redis-server in PATH, and no -redis.
  Debian, Ubuntu:  apt-get install redis-server
  macOS:           brew install redis
  a container:     docker run --rm -p 6379:6379 redis, and then -redis 127.0.0.1:6379`)

func startRedis(ctx context.Context) (*ownRedis, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errNoRedis
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // to find a free port
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		return nil, err
	}
	r := &ownRedis{addr: addr.String(), exited: make(chan error, 1)}
	r.cmd = exec.Command(program, "--bind", "127.0.0.1", "--port", fmt.Sprint(addr.Port),
		"--save", "", "--appendonly", "no", "--dir", os.TempDir(), "--loglevel", "warning")
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { r.exited <- r.cmd.Wait() }()
	return r, r.ready(ctx)
}

// ready waits until the server accepts connections.
func (r *ownRedis) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", r.addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case err := <-r.exited:
			return fmt.Errorf("fleet: redis-server ended: %v", err)
		case <-ctx.Done():
			r.stop()
			return fmt.Errorf("fleet: redis-server does not listen: %w", err)
		}
	}
}

func (r *ownRedis) pid() int { return r.cmd.Process.Pid }

// stop ends the server, even if it has been stopped by a signal.
func (r *ownRedis) stop() {
	if r.cmd.Process.Kill() == nil {
		<-r.exited
	}
}
