package alipay

import (
	"encoding/base64"
	"encoding/json"

	sdk "github.com/smartwalle/alipay/v3"
	"github.com/smartwalle/ngx"
)

// fixedMethod is a call of any method without parameters.
type fixedMethod struct{ method string }

func (f fixedMethod) APIName() string         { return f.method }
func (fixedMethod) Params() map[string]string { return map[string]string{} }
func (fixedMethod) FileParams() ngx.FileForm  { return nil }
func (fixedMethod) NeedEncrypt() bool         { return true }
func (fixedMethod) NeedVerify() bool          { return true }

// fixedContent is a call with one text as its content.
type fixedContent string

func (fixedContent) APIName() string                { return "alipay.trade.query" }
func (fixedContent) Params() map[string]string      { return map[string]string{} }
func (fixedContent) FileParams() ngx.FileForm       { return nil }
func (fixedContent) NeedEncrypt() bool              { return true }
func (fixedContent) NeedVerify() bool               { return true }
func (f fixedContent) MarshalJSON() ([]byte, error) { return json.Marshal(string(f)) }

var (
	_ sdk.Param = fixedMethod{}
	_ sdk.Param = fixedContent("")
)

func decodeBase64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }
