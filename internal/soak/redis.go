package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a redis-server on a loopback port. It keeps nothing on disk.
type redisServer struct {
	addr, dir string
	cmd       *exec.Cmd
}

var errNoRedis = errors.New("soak: redis-server is not installed: apt-get install redis-server")

func startRedis(dir string) (*redisServer, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errNoRedis
	}
	l, err := net.Listen("tcp", "127.0.0.1:0") // to find a free port
	if err != nil {
		return nil, err
	}
	r := &redisServer{addr: l.Addr().String(), dir: dir}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return r, r.start()
}

// start returns when the server accepts connections.
func (r *redisServer) start() error {
	r.cmd = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", r.port(), "--dir", r.dir, "--save", "", "--appendonly", "no", "--loglevel", "warning")
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for us
	if err := r.cmd.Start(); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", r.addr); err == nil {
			return conn.Close()
		}
	}
	r.kill()
	return fmt.Errorf("soak: redis-server does not listen on %s", r.addr)
}

func (r *redisServer) host() string {
	host, _, _ := net.SplitHostPort(r.addr)
	return host
}

func (r *redisServer) port() string {
	_, port, _ := net.SplitHostPort(r.addr)
	return port
}

// tell calls f with a client of this server.
func (r *redisServer) tell(f func(context.Context, *redis.Client) error) error {
	client := redis.NewClient(&redis.Options{Addr: r.addr, DisableIdentity: true})
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return f(ctx, client)
}

// kill ends the server as a crash would, also a stopped one.
func (r *redisServer) kill() {
	if r.cmd != nil {
		_ = r.cmd.Process.Kill()
		_ = r.cmd.Wait()
		r.cmd = nil
	}
}

// restart kills the server, and starts it again a while later, without its keys.
func (r *redisServer) restart(absent time.Duration) error {
	r.kill()
	time.Sleep(absent)
	return r.start()
}

// pause stops the process for a while: its connections stay open and nothing
// comes back.
func (r *redisServer) pause(d time.Duration) error {
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	time.Sleep(d)
	return r.cmd.Process.Signal(syscall.SIGCONT)
}

// scratch makes two directories: one for what the process writes to TMPDIR, and
// one for everything else.
func scratch() (temporary, other string, remove func(), err error) {
	top, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return "", "", nil, err
	}
	temporary, other = top+"/tmp", top+"/other"
	before, had := os.LookupEnv("TMPDIR")
	err = errors.Join(os.Mkdir(temporary, 0o700), os.Mkdir(other, 0o700), os.Setenv("TMPDIR", temporary))
	return temporary, other, func() {
		_ = os.Unsetenv("TMPDIR")
		if had {
			_ = os.Setenv("TMPDIR", before)
		}
		_ = os.RemoveAll(top)
	}, err
}
