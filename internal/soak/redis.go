package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
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

// anyPort is where servers listen: at an address of this process alone, so that
// none of its ports is given to a client while a server is away.
var anyPort = fmt.Sprintf("127.%d.%d.%d:0", 64+os.Getpid()>>16&63, os.Getpid()>>8&255, os.Getpid()&255)

func startRedis(dir string) (*redisServer, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, errNoRedis
	}
	l, err := net.Listen("tcp", anyPort) // to find a free port
	if err != nil {
		return nil, err
	}
	r := &redisServer{addr: l.Addr().String(), dir: dir}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return r, r.start()
}

// start returns when the server replies, and not another one at its address.
func (r *redisServer) start() error {
	if err := r.run(); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", r.addr); err != nil || conn.Close() != nil {
			continue
		}
		var info string
		err := r.do(func(ctx context.Context, c *redis.Client) (err error) {
			info, err = c.Info(ctx, "server").Result()
			return err
		})
		if err == nil && strings.Contains(info, fmt.Sprintf("process_id:%d\r", r.cmd.Process.Pid)) {
			return nil
		}
	}
	r.kill()
	return fmt.Errorf("soak: redis-server does not listen on %s", r.addr)
}

func (r *redisServer) run() error {
	r.cmd = exec.Command("redis-server", "--bind", r.host(), "--port", r.port(), "--dir", r.dir, "--save", "", "--appendonly", "no", "--loglevel", "warning")
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is for us
	return r.cmd.Start()
}

func (r *redisServer) host() string {
	host, _, _ := net.SplitHostPort(r.addr)
	return host
}

func (r *redisServer) port() string {
	_, port, _ := net.SplitHostPort(r.addr)
	return port
}

// do calls f with a client of this server.
func (r *redisServer) do(f func(context.Context, *redis.Client) error) error {
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

// stop returns when the process runs no more.
func (r *redisServer) stop() error {
	pid := r.cmd.Process.Pid
	if err := r.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < patience; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return err
		}
		if _, state, ok := strings.Cut(string(text), ") "); ok && state[0] == 'T' {
			return nil
		}
	}
	return fmt.Errorf("soak: redis-server on %s does not stop", r.addr)
}

func (r *redisServer) goOn() error { return r.cmd.Process.Signal(syscall.SIGCONT) }

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
