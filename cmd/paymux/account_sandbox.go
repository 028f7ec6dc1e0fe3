package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/merchant"
)

const (
	sandboxTimeout = 30 * time.Second // it makes keys and certificates
	maxSandbox     = 1 << 20
)

// openSandboxAccounts opens new accounts at the sandbox, at one channel or, for
// an empty name, at each, and gives them as requests for accounts here.
func openSandboxAccounts(ctx context.Context, sandbox, channel string) ([]merchant.AccountRequest, error) {
	if sandbox == "" {
		return nil, errors.New("the sandbox's address is not known: start serve with its sandbox first, or give --sandbox")
	}
	var requests []merchant.AccountRequest
	names := app.ChannelNames()
	if channel != "" {
		names = []string{channel}
	}
	for _, name := range names {
		answer, err := postSandboxAccount(ctx, sandbox, name)
		if err != nil {
			return nil, fmt.Errorf("open an account at the sandbox's %s: %w", name, err)
		}
		credentials, err := app.SandboxCredentials(answer)
		if err != nil {
			return nil, fmt.Errorf("open an account at the sandbox's %s: %w", name, err)
		}
		if credentials[name] == nil {
			return nil, fmt.Errorf("open an account at the sandbox's %s: it answered without credentials", name)
		}
		requests = append(requests, merchant.AccountRequest{Channel: name, Credentials: credentials[name], Terms: app.SandboxTerms()})
	}
	return requests, nil
}

func postSandboxAccount(ctx context.Context, sandbox, channel string) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, sandboxTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]string{"channel": channel})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(sandbox, "/")+"/_control/accounts", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("the sandbox does not answer; is serve running? %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxSandbox))
	if err != nil {
		return nil, err
	}
	if answer.StatusCode/100 != 2 {
		return nil, fmt.Errorf("the sandbox answered with status %d", answer.StatusCode)
	}
	return text, nil
}
