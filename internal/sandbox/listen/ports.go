package listen

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

const portsName = "ports.json"

// Ports remembers, in a folder, which port was chosen for which listener.
type Ports struct {
	path  string
	known map[string]string
}

// OpenPorts reads what dir remembers; the folder is made if need be.
func OpenPorts(dir string) (*Ports, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	p := &Ports{path: filepath.Join(dir, portsName), known: make(map[string]string)}
	raw, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the sandbox's ports: %w", err)
	}
	if err := json.Unmarshal(raw, &p.known); err != nil {
		return nil, fmt.Errorf("read the sandbox's ports in %s: %w; delete the file to have new ones chosen", p.path, err)
	}
	return p, nil
}

// Listen opens the listener called name. Where the address asks for port 0, the port that was chosen before is taken
// again, or one is chosen and remembered.
func (p *Ports) Listen(name, address string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	if port != "0" {
		return listen(name, address)
	}
	if remembered, ok := p.known[name]; ok {
		return listen(name, net.JoinHostPort(host, remembered))
	}
	listener, err := chooseListener(name, host)
	if err != nil {
		return nil, err
	}
	_, p.known[name], err = net.SplitHostPort(listener.Addr().String())
	if err == nil {
		err = p.save()
	}
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("remember the port of %s: %w", name, err)
	}
	return listener, nil
}

func listen(name, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	return listener, nil
}

// Ports are chosen below the range from which systems give ports to outgoing connections, so that none of those takes
// ours while we are down.
const (
	firstPort = 20000
	lastPort  = 32000
	tries     = 50
)

func chooseListener(name, host string) (net.Listener, error) {
	for range tries {
		n, err := rand.Int(rand.Reader, big.NewInt(lastPort-firstPort))
		if err != nil {
			return nil, fmt.Errorf("choose a port for %s: %w", name, err)
		}
		if l, err := listen(name, net.JoinHostPort(host, strconv.FormatInt(firstPort+n.Int64(), 10))); err == nil {
			return l, nil
		}
	}
	return listen(name, net.JoinHostPort(host, "0"))
}

// save writes the file so that a crash leaves the old or the new one.
func (p *Ports) save() error {
	raw, err := json.Marshal(p.known)
	if err != nil {
		return err
	}
	next, err := os.OpenFile(p.path+".next", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(raw)
	if err := errors.Join(err, next.Sync(), next.Close()); err != nil {
		return err
	}
	return os.Rename(p.path+".next", p.path)
}
