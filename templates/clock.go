package templates

import (
	"time"

	"github.com/Masterminds/sprig/v3"
)

// clockFunctions are sprig's that read the clock or the machine's time zone,
// with the clock that was handed in, and UTC.
func clockFunctions(now time.Time) map[string]any {
	now = now.UTC()
	originals := sprig.TxtFuncMap()
	inZone, _ := originals["dateInZone"].(func(string, any, string) string)
	at := func(v any) any {
		if i, ok := plainNumber(v).(int64); ok {
			return i
		}
		switch v.(type) {
		case time.Time, *time.Time, int64, int, int32:
			return v
		}
		return now
	}
	dateInZone := func(format string, v any, zone string) (string, error) {
		if _, err := time.LoadLocation(zone); err != nil {
			return "", err
		}
		return inZone(format, at(v), zone), nil
	}
	since := func(v any) time.Duration {
		switch v := at(v).(type) {
		case time.Time:
			return now.Sub(v)
		case int64:
			return now.Sub(time.Unix(v, 0))
		case int:
			return now.Sub(time.Unix(int64(v), 0))
		}
		return 0
	}
	round, _ := originals["durationRound"].(func(any) string)
	toDate := func(format, text string) (time.Time, error) { return time.ParseInLocation(format, text, time.UTC) }
	return map[string]any{
		"now":            func() time.Time { return now },
		"date":           func(format string, v any) string { return inZone(format, at(v), "UTC") },
		"htmlDate":       func(v any) string { return inZone("2006-01-02", at(v), "UTC") },
		"dateInZone":     dateInZone,
		"date_in_zone":   dateInZone,
		"htmlDateInZone": func(v any, zone string) (string, error) { return dateInZone("2006-01-02", v, zone) },
		"ago":            func(v any) string { return since(v).Round(time.Second).String() },
		"durationRound": func(v any) string {
			if t, ok := v.(time.Time); ok {
				return round(int64(now.Sub(t)))
			}
			return round(plainNumber(v))
		},
		"toDate":     toDate,
		"mustToDate": toDate,
	}
}
