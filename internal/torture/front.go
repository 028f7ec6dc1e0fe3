package torture

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"
)

// front is the balancer before the gateways at which channels send their
// callbacks: any gateway gets any order's, and a dead one loses it.
type front struct {
	listener net.Listener
	server   *http.Server
}

func newFront() (*front, error) {
	var config net.ListenConfig
	listener, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	return &front{listener: listener}, err
}

func (f *front) url() string { return "http://" + f.listener.Addr().String() }

func (f *front) serve(gateways []*gateway) {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			g := gateways[rand.IntN(len(gateways))] //nolint:gosec // a balancer's choice
			r.SetURL(&url.URL{Scheme: "http", Host: g.address})
		},
		Transport:    &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	f.server = &http.Server{Handler: proxy, ReadHeaderTimeout: controlLimit}
	go func() { _ = f.server.Serve(f.listener) }()
}
