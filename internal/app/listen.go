package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
)

// portsFile keeps the addresses that were chosen for port 0 in a data folder.
const portsFile = "ports.json"

// listen binds an address. For port 0 a free port is chosen, kept in dir under
// a name, and taken again the next time: addresses that were given out stay good.
func listen(ctx context.Context, dir, name, address string) (net.Listener, error) {
	var lc net.ListenConfig
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: it must be host:port: %w", address, err)
	}
	if port != "0" || dir == "" {
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			return nil, fmt.Errorf("listen: %w", err)
		}
		return l, nil
	}
	ports, err := readPorts(dir)
	if err != nil {
		return nil, err
	}
	if kept, ok := ports[name]; ok {
		l, err := lc.Listen(ctx, "tcp", net.JoinHostPort(host, kept))
		if err != nil {
			return nil, fmt.Errorf("listen on the port that %s has kept: %w; free it, or remove %s", dir, err, filepath.Join(dir, portsFile))
		}
		return l, nil
	}
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	_, ports[name], _ = net.SplitHostPort(l.Addr().String())
	text, err := json.Marshal(ports)
	if err == nil {
		err = replaceFile(filepath.Join(dir, portsFile), text)
	}
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("keep the chosen port: %w", err)
	}
	return l, nil
}

func readPorts(dir string) (map[string]string, error) {
	ports := map[string]string{}
	text, err := os.ReadFile(filepath.Join(dir, portsFile)) //nolint:gosec // the installation's own folder
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ports, nil
	case err != nil:
		return nil, fmt.Errorf("read the kept ports: %w", err)
	}
	if err := json.Unmarshal(text, &ports); err != nil {
		return nil, fmt.Errorf("read the kept ports in %s: %w", filepath.Join(dir, portsFile), err)
	}
	return ports, nil
}

// loopback tells whether a host can be reached from this machine only.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
