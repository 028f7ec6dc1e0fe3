package httpapi

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"net/http"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

// pages are the rendered pages of one language. They are complete in
// themselves: no script, no further resource.
type pages struct {
	returned, errors, docs []byte
}

// pageData is what every page is rendered from.
type pageData struct {
	Lang    string
	Chinese bool
	Words   words
	Style   template.CSS
	Codes   []CodeInfo
	docsData
}

// site is all pages in both languages with their policy.
type site struct {
	english, chinese pages
	// policy lets the one style sheet in and nothing else.
	policy string
}

func newSite(spec *specification) (*site, error) {
	style, err := pageFiles.ReadFile("pages/style.css")
	if err != nil {
		return nil, err
	}
	templates, err := template.New("pages").Funcs(template.FuncMap{"rich": rich}).ParseFS(pageFiles, "pages/*.html")
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(style)
	st := &site{policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	for _, chinese := range []bool{true, false} {
		w := wordsOf(chinese)
		data := pageData{
			Lang: w.Lang, Chinese: chinese, Words: w,
			Style: template.CSS(style), //nolint:gosec // our own file
			Codes: Codes(), docsData: newDocs(spec.root, chinese),
		}
		var p pages
		for _, f := range []struct {
			name string
			to   *[]byte
		}{{"return.html", &p.returned}, {"errors.html", &p.errors}, {"docs.html", &p.docs}} {
			var out bytes.Buffer
			if err := templates.ExecuteTemplate(&out, f.name, data); err != nil {
				return nil, err
			}
			*f.to = out.Bytes()
		}
		if chinese {
			st.chinese = p
		} else {
			st.english = p
		}
	}
	return st, nil
}

// rich marks what stands between backticks as code; all else is plain text.
func rich(text string) template.HTML {
	var out strings.Builder
	for i, part := range strings.Split(text, "`") {
		escaped := template.HTMLEscapeString(part)
		if i%2 == 1 {
			escaped = "<code>" + escaped + "</code>"
		}
		out.WriteString(escaped)
	}
	return template.HTML(out.String()) //nolint:gosec // every part is escaped
}

func (s *Server) returnPage(w http.ResponseWriter, r *http.Request) {
	s.servePage(w, r, true, func(p pages) []byte { return p.returned })
}

func (s *Server) errorsPage(w http.ResponseWriter, r *http.Request) {
	s.servePage(w, r, false, func(p pages) []byte { return p.errors })
}

func (s *Server) docsPage(w http.ResponseWriter, r *http.Request) {
	s.servePage(w, r, false, func(p pages) []byte { return p.docs })
}

// servePage chooses the language by ?lang=, else by the browser; otherwiseZH is
// for browsers that do not say.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request, otherwiseZH bool, which func(pages) []byte) {
	chinese := prefersChinese(r, otherwiseZH)
	switch r.URL.Query().Get("lang") {
	case "zh":
		chinese = true
	case "en":
		chinese = false
	}
	p := s.site.english
	if chinese {
		p = s.site.chinese
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", wordsOf(chinese).Lang)
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Security-Policy", s.site.policy)
	h.Set("Referrer-Policy", "no-referrer")
	_, _ = w.Write(which(p))
}
