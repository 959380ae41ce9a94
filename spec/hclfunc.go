package spec

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/go-cty-funcs/cidr"
	"github.com/hashicorp/go-cty-funcs/crypto"
	"github.com/hashicorp/go-cty-funcs/encoding"
	"github.com/hashicorp/go-cty-funcs/uuid"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	ctyyaml "github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions are those that Terraform and Nomad have, under their names, but
// for what gives another answer every time or knows the machine: two plans of
// the same files must be the same. Files stay inside dir.
func functions(fsys FS, dir string, b *budget) map[string]function.Function {
	all := map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": stdlib.LogFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc, "pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,
		"sum": sumFunction,

		"chomp": stdlib.ChompFunc, "endswith": endsWithFunction, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc, "regex": stdlib.RegexFunc,
		"regexall": stdlib.RegexAllFunc, "regex_replace": stdlib.RegexReplaceFunc, "replace": replaceFunction, "split": stdlib.SplitFunc,
		"startswith": startsWithFunction, "strcontains": strContainsFunction, "strlen": stdlib.StrlenFunc, "strrev": stdlib.ReverseFunc,
		"substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,

		"alltrue": allTrueFunction, "anytrue": anyTrueFunction, "chunklist": stdlib.ChunklistFunc, "coalesce": coalesceFunction,
		"coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc, "keys": stdlib.KeysFunc,
		"length": lengthFunction, "lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc, "one": oneFunction, "range": stdlib.RangeFunc,
		"reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc, "setproduct": stdlib.SetProductFunc,
		"setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc, "slice": stdlib.SliceFunc, "sort": stdlib.SortFunc,
		"values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

		"base64decode": encoding.Base64DecodeFunc, "base64encode": encoding.Base64EncodeFunc, "csvdecode": stdlib.CSVDecodeFunc,
		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc, "urlencode": encoding.URLEncodeFunc,
		"yamldecode": yamlDecodeFunction, "yamlencode": ctyyaml.YAMLEncodeFunc,

		"md5": crypto.Md5Func, "sha1": crypto.Sha1Func, "sha256": crypto.Sha256Func, "sha512": crypto.Sha512Func, "uuidv5": uuid.V5Func,
		"formatdate": stdlib.FormatDateFunc, "timeadd": stdlib.TimeAddFunc,
		"cidrhost": cidr.HostFunc, "cidrnetmask": cidr.NetmaskFunc, "cidrsubnet": cidr.SubnetFunc, "cidrsubnets": cidr.SubnetsFunc,
		"basename": basenameFunction, "dirname": dirnameFunction,

		"tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),
	}
	files := projectFiles{fsys, dir, b}
	all["file"], all["fileexists"], all["filebase64"] = files.file(), files.exists(), files.base64()
	all["filesha256"] = files.sha256()
	for name, f := range all {
		all[name] = b.limited(name, f)
	}
	// what these are given is evaluated inside, by functions that are limited
	all["try"], all["can"] = tryfunc.TryFunc, tryfunc.CanFunc
	all["sensitive"], all["nonsensitive"] = sensitiveFunction, nonsensitiveFunction
	all["templatefile"] = files.template(all)
	return all
}

// foreignFunctions say why there is none of that name.
var foreignFunctions = map[string]string{
	"timestamp":     "It would change with every plan: give the time as a variable.",
	"plantimestamp": "It would change with every plan: give the time as a variable.",
	"uuid":          "It would change with every plan: uuidv5 makes one from a name.",
	"uuidv4":        "It would change with every plan: uuidv5 makes one from a name.",
	"bcrypt":        "It would change with every plan: give the hash as a variable.",
	"env":           "The environment is not read: declare a variable, and set WADI_VAR_name.",
	"get_env":       "The environment is not read: declare a variable, and set WADI_VAR_name.",
	"fileset":       "Name the files: file(\"x\").",
	"abspath":       "Paths are relative to the folder of the file.",
	"pathexpand":    "Paths are relative to the folder of the file.",
	"list":          `Write ["a", "b"].`,
	"map":           `Write { a = 1 }.`,
}

// functionFix says what to write in place of a function that there is not.
func functionFix(name string, scope *hcl.EvalContext) string {
	if fix := foreignFunctions[name]; fix != "" {
		return fix
	}
	for ; scope != nil; scope = scope.Parent() {
		if near := nearest(name, slices.Sorted(maps.Keys(scope.Functions))); near != "" {
			return fmt.Sprintf("There is no function %q. Did you mean %q?", name, near)
		}
	}
	return fmt.Sprintf("There is no function %q; docs/files.md has a list.", name)
}

// lengthFunction counts the elements of a collection and, as Terraform's does,
// the characters of a text.
var lengthFunction = function.New(&function.Spec{
	Description: "length counts the elements of a list, set or map, or the characters of a text",
	Params:      []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowMarked: true}},
	Type:        function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if args[0].Type() == cty.String {
			return stdlib.Strlen(args[0])
		}
		return stdlib.Length(args[0])
	},
})

// isPattern says whether what replace looks for is a regular expression, as
// Terraform writes them: "/a+/".
func isPattern(s string) bool {
	return len(s) > 1 && strings.HasPrefix(s, "/") && strings.HasSuffix(s, "/")
}

var replaceFunction = function.New(&function.Spec{
	Description: "replace puts one text in place of another, or of what /a regular expression/ finds",
	Params:      []function.Parameter{{Name: "str", Type: cty.String}, {Name: "substr", Type: cty.String}, {Name: "replace", Type: cty.String}},
	Type:        function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if old := args[1].AsString(); isPattern(old) {
			return stdlib.RegexReplace(args[0], cty.StringVal(old[1:len(old)-1]), args[2])
		}
		return stdlib.Replace(args[0], args[1], args[2])
	},
})

// textTest is a function that answers something about two texts.
func textTest(description, second string, test func(s, other string) bool) function.Function {
	return function.New(&function.Spec{
		Description: description,
		Params:      []function.Parameter{{Name: "str", Type: cty.String}, {Name: second, Type: cty.String}},
		Type:        function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(test(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

var (
	startsWithFunction  = textTest("startswith says whether a text starts with another", "prefix", strings.HasPrefix)
	endsWithFunction    = textTest("endswith says whether a text ends with another", "suffix", strings.HasSuffix)
	strContainsFunction = textTest("strcontains says whether a text contains another", "substr", strings.Contains)
)

// truth is a function of a list of booleans; null counts as false.
func truth(description string, empty bool) function.Function {
	return function.New(&function.Spec{
		Description: description,
		Params:      []function.Parameter{{Name: "list", Type: cty.List(cty.Bool)}},
		Type:        function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for it := args[0].ElementIterator(); it.Next(); {
				_, v := it.Element()
				if is := !v.IsNull() && v.True(); is != empty {
					return cty.BoolVal(is), nil
				}
			}
			return cty.BoolVal(empty), nil
		},
	})
}

var (
	allTrueFunction = truth("alltrue says whether all elements of a list are true", true)
	anyTrueFunction = truth("anytrue says whether any element of a list is true", false)
)

// coalesceFunction is Terraform's: cty's own answers an empty text too.
var coalesceFunction = function.New(&function.Spec{
	Description: "coalesce is the first value that is neither null nor an empty text",
	VarParam:    &function.Parameter{Name: "values", Type: cty.DynamicPseudoType, AllowUnknown: true, AllowDynamicType: true, AllowNull: true},
	Type:        stdlib.CoalesceFunc.ReturnTypeForValues,
	Impl: func(args []cty.Value, typ cty.Type) (cty.Value, error) {
		for _, arg := range args {
			v, err := convert.Convert(arg, typ)
			switch {
			case err != nil:
				return cty.NilVal, err
			case !v.IsKnown():
				return cty.UnknownVal(typ), nil
			case !v.IsNull() && (typ != cty.String || v.AsString() != ""):
				return v, nil
			}
		}
		return cty.NilVal, errors.New("all values are null or empty texts")
	},
})

var sumFunction = function.New(&function.Spec{
	Description: "sum adds the numbers of a list",
	Params:      []function.Parameter{{Name: "list", Type: cty.List(cty.Number)}},
	Type:        function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		sum := cty.NumberIntVal(0)
		for it := args[0].ElementIterator(); it.Next(); {
			_, v := it.Element()
			if v.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "the list has an element that is null")
			}
			sum = sum.Add(v)
		}
		return sum, nil
	},
})

// oneFunction is the only element of a list, or null of an empty one.
var oneFunction = function.New(&function.Spec{
	Description: "one answers the only element of a list or set, null if it is empty",
	Params:      []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
	Type:        func(args []cty.Value) (cty.Type, error) { return cty.DynamicPseudoType, nil },
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		t := args[0].Type()
		if !t.IsListType() && !t.IsSetType() && !t.IsTupleType() {
			return cty.NilVal, function.NewArgErrorf(0, "must be a list or set")
		}
		switch args[0].LengthInt() {
		case 0:
			return cty.NullVal(cty.DynamicPseudoType), nil
		case 1:
			it := args[0].ElementIterator()
			it.Next()
			_, v := it.Element()
			return v, nil
		}
		return cty.NilVal, function.NewArgErrorf(0, "must have at most one element, has %d", args[0].LengthInt())
	},
})

// yamlDecodeFunction first asks our own parser, which refuses what would
// unfold to more than memory holds.
var yamlDecodeFunction = function.New(&function.Spec{
	Description: "yamldecode reads YAML",
	Params:      []function.Parameter{{Name: "src", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if !args[0].IsKnown() {
			return cty.DynamicPseudoType, nil
		}
		if _, _, err := parseYAML([]byte(args[0].AsString())); err != nil {
			return cty.NilType, function.NewArgError(0, err)
		}
		return ctyyaml.YAMLDecodeFunc.ReturnTypeForValues(args)
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return ctyyaml.YAMLDecodeFunc.Call(args) },
})

// sensitivity is a function that hides a value, or shows it.
func sensitivity(description string, change func(v cty.Value) cty.Value) function.Function {
	return function.New(&function.Spec{
		Description: description,
		Params:      []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowMarked: true, AllowNull: true, AllowUnknown: true}},
		Type:        func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl:        func(args []cty.Value, _ cty.Type) (cty.Value, error) { return change(args[0]), nil },
	})
}

var (
	sensitiveFunction    = sensitivity("sensitive hides a value", func(v cty.Value) cty.Value { return v.Mark(sensitiveMark) })
	nonsensitiveFunction = sensitivity("nonsensitive shows a value that would be hidden", func(v cty.Value) cty.Value {
		v, _ = v.Unmark()
		return v
	})
)

// checkInside says whether path is dir or below it, by its text and, where
// it exists, after symbolic links.
func checkInside(fsys FS, dir, path string) error {
	real, err := fsys.EvalSymlinks(path)
	if err != nil {
		real = path
	}
	realDir, err := fsys.EvalSymlinks(dir)
	if err != nil {
		realDir = dir
	}
	if !inside(dir, path) || real != path && !inside(realDir, real) {
		return fmt.Errorf("%s leaves the project folder %s", filepath.Clean(path), dir)
	}
	return nil
}
