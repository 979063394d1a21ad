package validator

import (
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"github.com/rejoinder-go/rejoinder/problem"
)

// english returns the message for a fault.
func english(value any, f validator.FieldError) string {
	tag, param := f.ActualTag(), f.Param()
	if text, ok := plain[tag]; ok {
		return text
	}
	if text, ok := withParam[tag]; ok {
		return text + " " + param
	}
	switch tag {
	case "oneof", "oneofci":
		return "must be one of " + strings.Join(words(param), ", ")
	case "noneof", "noneofci":
		return "must be none of " + strings.Join(words(param), ", ")
	case "len", "min", "max", "eq", "ne", "lt", "lte", "gt", "gte":
		return compared(f)
	}
	if text, ok := withField[tag]; ok {
		return text + " " + fieldName(value, f, param)
	}
	if text, ok := withFields[tag]; ok {
		if strings.HasSuffix(tag, "_if") || strings.HasSuffix(tag, "_unless") {
			return text + " " + fieldConditions(value, f)
		}
		return text + " " + fieldNames(value, f)
	}
	return "is not valid"
}

// plain are the messages for rules without a parameter.
var plain = map[string]string{
	"required":  "is required",
	"isdefault": "must be left out",
	"unique":    "must not have the same item twice",

	"alpha":           "must have only the letters a to z",
	"alphaspace":      "must have only the letters a to z and spaces",
	"alphanum":        "must have only the letters a to z and digits",
	"alphanumspace":   "must have only the letters a to z, digits and spaces",
	"alphaunicode":    "must have only letters",
	"alphanumunicode": "must have only letters and digits",
	"ascii":           "must have only ASCII characters",
	"printascii":      "must have only printable ASCII characters",
	"lowercase":       "must be in lower case",
	"uppercase":       "must be in upper case",
	"boolean":         "must be true or false",
	"numeric":         "must be a number",
	"number":          "must have only digits",
	"hexadecimal":     "must be a hexadecimal number",

	"email":            "must be an email address",
	"e164":             "must be a telephone number such as +14155550100",
	"url":              "must be a URL",
	"http_url":         "must be an http or https URL",
	"https_url":        "must be an https URL",
	"uri":              "must be a URI",
	"hostname":         "must be a host name",
	"hostname_rfc1123": "must be a host name",
	"hostname_port":    "must be a host name and a port",
	"port":             "must be a port from 1 to 65535",
	"fqdn":             "must be a fully qualified domain name",
	"ip":               "must be an IP address",
	"ipv4":             "must be an IPv4 address",
	"ipv6":             "must be an IPv6 address",
	"cidr":             "must be an IP prefix such as 192.0.2.0/24",
	"cidrv4":           "must be an IPv4 prefix such as 192.0.2.0/24",
	"cidrv6":           "must be an IPv6 prefix such as 2001:db8::/32",
	"mac":              "must be a MAC address",

	"uuid":                      "must be a UUID",
	"uuid3":                     "must be a UUID of version 3",
	"uuid4":                     "must be a UUID of version 4",
	"uuid5":                     "must be a UUID of version 5",
	"uuid7":                     "must be a UUID of version 7",
	"uuid_rfc4122":              "must be a UUID",
	"ulid":                      "must be a ULID",
	"semver":                    "must be a semantic version such as 1.2.3",
	"base64":                    "must be in Base64",
	"base64url":                 "must be in Base64 for URLs",
	"base64rawurl":              "must be in Base64 for URLs without padding",
	"json":                      "must be JSON",
	"jwt":                       "must be a JSON Web Token",
	"hexcolor":                  "must be a color such as #1a2b3c",
	"latitude":                  "must be a latitude from -90 to 90",
	"longitude":                 "must be a longitude from -180 to 180",
	"credit_card":               "must be the number of a payment card",
	"isbn":                      "must be an ISBN",
	"iso3166_1_alpha2":          "must be a country code of two letters",
	"iso3166_1_alpha3":          "must be a country code of three letters",
	"iso4217":                   "must be a currency code such as EUR",
	"bcp47_language_tag":        "must be a language tag such as en-GB",
	"bcp47_strict_language_tag": "must be a language tag such as en-GB",
	"timezone":                  "must be a time zone such as Europe/Paris",
	"duration":                  "must be a duration such as 1h30m",
	"cron":                      "must be a cron expression",
}

// withParam are the messages that end with the parameter of the rule.
var withParam = map[string]string{
	"eq_ignore_case": "must be",
	"ne_ignore_case": "must not be",
	"contains":       "must contain",
	"containsany":    "must contain one of the characters",
	"containsrune":   "must contain",
	"excludes":       "must not contain",
	"excludesall":    "must contain none of the characters",
	"excludesrune":   "must not contain",
	"startswith":     "must begin with",
	"endswith":       "must end with",
	"startsnotwith":  "must not begin with",
	"endsnotwith":    "must not end with",
	"datetime":       "must be a time in the form",
}

// withField are the messages that end with the name of another field.
var withField = map[string]string{
	"eqfield": "must be equal to", "eqcsfield": "must be equal to",
	"nefield": "must differ from", "necsfield": "must differ from",
	"gtfield": "must be greater than", "gtcsfield": "must be greater than",
	"gtefield": "must be at least", "gtecsfield": "must be at least",
	"ltfield": "must be less than", "ltcsfield": "must be less than",
	"ltefield": "must be at most", "ltecsfield": "must be at most",
	"fieldcontains": "must contain", "fieldexcludes": "must not contain",
}

// withFields are the messages that end with the names of other fields.
var withFields = map[string]string{
	"required_if":          "is required if",
	"required_unless":      "is required unless",
	"required_with":        "is required together with any of",
	"required_with_all":    "is required together with all of",
	"required_without":     "is required without any of",
	"required_without_all": "is required without all of",
	"excluded_if":          "must be left out if",
	"excluded_unless":      "must be left out unless",
	"excluded_with":        "must be left out together with any of",
	"excluded_with_all":    "must be left out together with all of",
	"excluded_without":     "must be left out without any of",
	"excluded_without_all": "must be left out without all of",
}

// compared returns the message for a rule that compares a number, a length or a
// time with the parameter.
func compared(f validator.FieldError) string {
	tag, param := f.ActualTag(), f.Param()
	switch kind := f.Kind(); {
	case f.Type() == reflect.TypeFor[time.Time]():
		return whenTexts[tag]
	case kind == reflect.String && tag != "eq" && tag != "ne":
		return "must be " + lengthTexts[tag] + counted(param, "character") + " long"
	case kind == reflect.Slice, kind == reflect.Array, kind == reflect.Map:
		return "must have " + lengthTexts[tag] + counted(param, "item")
	}
	return numberTexts[tag] + " " + param
}

// The messages of compared: for numbers, for lengths, and for times, which are
// compared with the present.
var (
	numberTexts = map[string]string{
		"len": "must be", "eq": "must be", "ne": "must not be", "min": "must be at least", "gte": "must be at least",
		"max": "must be at most", "lte": "must be at most", "gt": "must be greater than", "lt": "must be less than",
	}
	lengthTexts = map[string]string{
		"len": "exactly ", "eq": "exactly ", "ne": "other than ", "min": "at least ", "gte": "at least ",
		"max": "at most ", "lte": "at most ", "gt": "more than ", "lt": "fewer than ",
	}
	whenTexts = map[string]string{
		"gt": "must be in the future", "gte": "must not be in the past", "min": "must not be in the past",
		"lt": "must be in the past", "lte": "must not be in the future", "max": "must not be in the future",
	}
)

func counted(number, noun string) string {
	if number != "1" {
		noun += "s"
	}
	return number + " " + noun
}

// words splits a parameter as the validator does: at spaces outside quotes.
func words(param string) []string {
	all := quoted.FindAllString(param, -1)
	for i, w := range all {
		all[i] = strings.Trim(w, "'")
	}
	return all
}

var quoted = regexp.MustCompile(`'[^']*'|\S+`)

// fieldNames returns the names of the fields in the parameter.
func fieldNames(value any, f validator.FieldError) string {
	all := words(f.Param())
	for i := range all {
		all[i] = fieldName(value, f, all[i])
	}
	return strings.Join(all, ", ")
}

// fieldConditions returns the pairs of a field and a value in the parameter.
func fieldConditions(value any, f validator.FieldError) string {
	all := words(f.Param())
	var conditions []string
	for i := 0; i+1 < len(all); i += 2 {
		conditions = append(conditions, fieldName(value, f, all[i])+" is "+all[i+1])
	}
	return strings.Join(conditions, " and ")
}

// fieldName returns the JSON name of another field, whose Go name is a parameter. It
// stands beside the field at fault, or for rules across structs inside the whole
// value. A field that is not encoded has no JSON name.
func fieldName(value any, f validator.FieldError, name string) string {
	around := strings.TrimSuffix(f.StructNamespace(), f.StructField())
	if strings.HasSuffix(f.ActualTag(), "csfield") {
		around = ""
	}
	beside, at := problem.PointerTo(value, strings.TrimSuffix(around, ".")), problem.PointerTo(value, around+name)
	if rest := strings.TrimPrefix(at, beside+"/"); rest != at {
		return strings.ReplaceAll(rest, "/", ".")
	}
	return "another value"
}
