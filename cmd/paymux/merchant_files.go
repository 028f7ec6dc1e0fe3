package main

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/paymux/paymux/internal/app"
	"github.com/paymux/paymux/internal/config"
	"github.com/paymux/paymux/signing"
)

// The files of a merchant, all in one folder of mode 0700.
const (
	merchantsFolder   = "merchants"
	privateKeyFile    = "private_key.pem"
	publicKeyFile     = "public_key.pem"
	webhookSecretFile = "webhook_secret"
	platformKeyFile   = "platform_public_key.pem"
	profileFile       = "profile.json"

	privateMode = 0o600
	publicMode  = 0o644
	folderMode  = 0o700
)

// folder is where an installation's commands keep files: the folder of the
// embedded default, or of the configured SQLite file, or else ./data.
func (i *installation) folder(cfg config.Config) (string, error) {
	dir := i.dataDir
	if i.configFile != "" {
		dir = defaultDataDir
		if cfg.Database.Path != "" {
			dir = filepath.Dir(cfg.Database.Path)
		}
	}
	return filepath.Abs(dir)
}

// serving is what is known of the gateway that serves an installation: the
// ready line that it kept, or else what the configuration says.
func (i *installation) serving(cfg config.Config) (app.Profile, error) {
	if i.configFile != "" {
		return app.Profile{API: configuredAPI(cfg.Server), Sandbox: configuredSandbox(cfg.Sandbox)}, nil
	}
	text, err := os.ReadFile(filepath.Join(i.dataDir, app.ProfileFile))
	if errors.Is(err, os.ErrNotExist) {
		return app.Profile{}, nil
	}
	if err != nil {
		return app.Profile{}, fmt.Errorf("read what serve has kept: %w", err)
	}
	var kept app.Profile
	if err := json.Unmarshal(text, &kept); err != nil {
		return app.Profile{}, fmt.Errorf("read what serve has kept in %s: %w; start serve again to renew it", app.ProfileFile, err)
	}
	return kept, nil
}

func configuredAPI(s config.Server) string {
	if s.PublicURL != "" {
		return s.PublicURL
	}
	return localURL(s.Listen)
}

func configuredSandbox(s config.Sandbox) string {
	if !s.Enabled {
		return ""
	}
	return localURL(s.Listen)
}

// localURL is how an address of this machine is reached; empty where the port
// is not known.
func localURL(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" || port == "" {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// writeNew writes a file that must not exist yet, durably.
func writeNew(path string, content []byte, mode os.FileMode) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode) //nolint:gosec // the user's own choice
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s exists; it is not overwritten: move it away or choose another folder", path)
	}
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Sync(), file.Close())
}

// pendingFile is a file of mode 0600 beside its place; commit puts it there,
// in the place of what was, and discard takes it away.
type pendingFile struct {
	path string
	temp *os.File
}

func newPendingFile(path string) (*pendingFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return nil, err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return nil, err
	}
	return &pendingFile{path: path, temp: temp}, nil
}

func (p *pendingFile) commit(content []byte) error {
	_, err := p.temp.Write(content)
	if err = errors.Join(err, p.temp.Sync(), p.temp.Close()); err != nil {
		return err
	}
	return os.Rename(p.temp.Name(), p.path)
}

func (p *pendingFile) discard() {
	_ = p.temp.Close()
	_ = os.Remove(p.temp.Name())
}

// writeKeyPair makes an RSA key pair in a folder and gives its public half.
func writeKeyPair(folder string) (crypto.PublicKey, []byte, error) {
	key, err := signing.GenerateRSA(signing.MinRSABits)
	if err != nil {
		return nil, nil, err
	}
	private, err := signing.EncodePrivateKeyPEM(key)
	if err != nil {
		return nil, nil, err
	}
	defer clear(private)
	public, err := signing.EncodePublicKeyPEM(key.Public())
	if err != nil {
		return nil, nil, err
	}
	if err := writeNew(filepath.Join(folder, privateKeyFile), private, privateMode); err != nil {
		return nil, nil, fmt.Errorf("write the private key: %w", err)
	}
	if err := writeNew(filepath.Join(folder, publicKeyFile), public, publicMode); err != nil {
		return nil, nil, fmt.Errorf("write the public key: %w", err)
	}
	return key.Public(), public, nil
}
