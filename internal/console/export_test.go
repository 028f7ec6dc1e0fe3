package console

import (
	"time"

	"github.com/paymux/paymux/internal/money"
	"github.com/paymux/paymux/internal/wording"
)

// What the tests of this package look into.

type Permission = permission

// RouteInfo is a row of the table of routes.
type RouteInfo struct {
	Method, Path string
	Need         Permission
}

func Routes() []RouteInfo {
	var list []RouteInfo
	for _, rt := range routes {
		list = append(list, RouteInfo{rt.method, rt.path, rt.need})
	}
	return list
}

const Open = open

func May(u User, p Permission) bool { return u.may(p) }

func TOTPCode(secret []byte, at time.Time) string { return totpCode(secret, totpStepAt(at)) }

func CodeOfStep(secret []byte, step int64) string { return totpCode(secret, step) }

func Say(chineseText bool, key string, args ...any) string {
	if chineseText {
		return say(chinese, key, args...)
	}
	return say(english, key, args...)
}

// Messages are all keys with both texts.
func Messages() map[string][2]string {
	out := map[string][2]string{}
	for _, table := range tables {
		for key, t := range table {
			out[key] = [2]string{t.zh, t.en}
		}
	}
	return out
}

// ToldSentences are all sentences that others write.
func ToldSentences() []wording.Sentence { return toldSentences }

// Told tells a text of others in Chinese.
func Told(written string, c money.Currency) string {
	return (&page{Lang: chinese}).Told(written, c)
}

func CountMessages() int {
	n := 0
	for _, table := range tables {
		n += len(table)
	}
	return n
}

var (
	Local       = local
	Readable    = readable
	SafeName    = safeName
	FormatMinor = formatMinor
	Cursor      = cursor
	Place       = place
	DecodeHash  = decodeHash
	Files       = files
)
