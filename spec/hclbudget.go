package spec

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Bounds of what the expressions of a folder may make. A few lines can ask
// for more than any machine has: loops in loops, texts that double.
const (
	maxWork     = 128 << 20 // bytes of loops, templates and functions
	stepCost    = 512       // of an element that a loop visits, beside what it makes of it
	maxExponent = 4096      // of two, in numbers: to write one out takes as many digits
	maxElements = 10_000    // of a list or object: to find their common type each is compared with each
	maxDistinct = 5_000     // elements; the function compares each with each
)

var (
	errWork     = errors.New("the expressions of this folder make more than 128 MB of values")
	errNumber   = errors.New("the number is too large")
	errElements = fmt.Errorf("a list or object has more than %d elements", maxElements)
)

// budget is what is left of maxWork.
type budget struct{ left int64 }

// charge takes off what a value needs.
func (b *budget) charge(v cty.Value) error {
	cost, err := valueSize(v, b.left)
	b.left -= cost
	if b.left < 0 {
		b.left = -1
		return errWork
	}
	return err
}

// spend takes off a number of bytes before they are made.
func (b *budget) spend(bytes int64) error {
	if b.left -= bytes; b.left < 0 {
		b.left = -1
		return errWork
	}
	return nil
}

// valueSize is about what a value needs, at most limit and a little.
func valueSize(v cty.Value, limit int64) (size int64, err error) {
	const element = 64
	v, _ = v.Unmark()
	size = element
	if v.IsNull() || !v.IsKnown() {
		return size, nil
	}
	switch t := v.Type(); {
	case t == cty.String:
		return size + int64(len(v.AsString())), nil
	case t == cty.Number:
		if hugeNumber(v.AsBigFloat()) {
			err = errNumber
		}
		return size, err
	case v.CanIterateElements():
		if v.LengthInt() > maxElements {
			return size, errElements
		}
		for it := v.ElementIterator(); it.Next() && size <= limit && err == nil; {
			key, val := it.Element()
			if !t.IsSetType() && !t.IsListType() && !t.IsTupleType() {
				size += int64(len(key.AsString()))
			}
			var more int64
			more, err = valueSize(val, limit-size)
			size += more
		}
	}
	return size, err
}

func hugeNumber(f *big.Float) bool {
	if f.IsInf() {
		return true
	}
	exponent := f.MantExp(nil)
	return exponent > maxExponent || exponent < -maxExponent
}

// exceeded ends an evaluation: hcl would go on with the next element of a
// loop, and the next. Run recovers it.
type exceeded struct{ err error }

// run evaluates an expression; the error says that it is too much.
func (b *budget) run(expr hclsyntax.Expression, scope *hcl.EvalContext) (v cty.Value, diags hcl.Diagnostics, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case exceeded:
			v, err = cty.DynamicVal, e.err
		default:
			panic(e)
		}
	}()
	if b.left < 0 {
		return cty.DynamicVal, nil, errWork
	}
	v, diags = expr.Value(scope)
	if b.left < 0 {
		err = errWork
	}
	return v, diags, err
}

// constant evaluates an expression that refers to nothing but functions.
func (b *budget) constant(expr hclsyntax.Expression, functions map[string]function.Function) (cty.Value, hcl.Diagnostics) {
	v, diags, err := b.run(expr, &hcl.EvalContext{Functions: functions})
	if err != nil {
		return cty.DynamicVal, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: err.Error(), Detail: "Make loops smaller, and texts and lists shorter.", Subject: expr.Range().Ptr()}}
	}
	return v, diags
}

// counted is an expression whose values are charged.
type counted struct {
	*hclsyntax.ParenthesesExpr // which shows the expression inside to those that look for references
	budget                     *budget
	looped                     bool // over its elements
}

func (c *counted) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	v, diags := c.Expression.Value(ctx)
	err := c.budget.charge(v)
	if c.looped && err == nil {
		err = c.budget.spend(stepCost * elements([]cty.Value{v}))
	}
	if err != nil {
		panic(exceeded{err})
	}
	return v, diags
}

// bound charges all loops and templates below a node, and refuses numbers
// that nobody could write out.
func (b *budget) bound(n hclsyntax.Node) hcl.Diagnostics {
	return hclsyntax.Walk(n, bounding{b})
}

type bounding struct{ budget *budget }

func (w bounding) Enter(hclsyntax.Node) hcl.Diagnostics { return nil }

func (w bounding) Exit(n hclsyntax.Node) hcl.Diagnostics {
	count := func(e hclsyntax.Expression) hclsyntax.Expression {
		if _, literal := e.(*hclsyntax.LiteralValueExpr); literal || e == nil {
			return e
		}
		return &counted{&hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}, w.budget, false}
	}
	switch e := n.(type) {
	case *hclsyntax.ConditionalExpr: // whose results get one type
		e.TrueResult, e.FalseResult = count(e.TrueResult), count(e.FalseResult)
	case *hclsyntax.ForExpr:
		e.KeyExpr, e.ValExpr = count(e.KeyExpr), count(e.ValExpr)
		e.CollExpr = &counted{&hclsyntax.ParenthesesExpr{Expression: e.CollExpr, SrcRange: e.CollExpr.Range()}, w.budget, true}
	case *hclsyntax.TemplateExpr:
		for i, part := range e.Parts {
			e.Parts[i] = count(part)
		}
	case *hclsyntax.LiteralValueExpr:
		if e.Val.Type() == cty.Number && !e.Val.IsNull() && hugeNumber(e.Val.AsBigFloat()) {
			return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: errNumber.Error(), Detail: "Write a number of less than a thousand digits.", Subject: e.SrcRange.Ptr()}}
		}
	}
	return nil
}

// limited is a function whose result is charged, and that is not called at
// all where its arguments say that it would be too much.
func (b *budget) limited(name string, f function.Function) function.Function {
	return function.New(&function.Spec{
		Description: f.Description(), Params: f.Params(), VarParam: f.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := b.before(name, args); err != nil {
				return cty.NilType, err
			}
			return f.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := f.Call(args)
			if err != nil {
				return cty.NilVal, err
			}
			return v, b.charge(v)
		},
	})
}

// before says whether a function can be called with these arguments.
func (b *budget) before(name string, args []cty.Value) error {
	if b.left < 0 {
		return errWork
	}
	plain := make([]cty.Value, len(args))
	for i, arg := range args {
		plain[i], _ = arg.UnmarkDeep()
		if !plain[i].IsWhollyKnown() {
			return nil
		}
		if _, err := valueSize(plain[i], b.left); err != nil {
			return function.NewArgError(i, err)
		}
	}
	if estimate := estimates[name]; estimate != nil {
		bytes, err := estimate(plain)
		if err == nil && bytes > b.left {
			err = errWork
		}
		return err
	}
	return nil
}

// estimates are of functions whose result can be much larger than their
// arguments.
var estimates = map[string]func(args []cty.Value) (int64, error){
	"replace": func(args []cty.Value) (int64, error) {
		if len(args) != 3 || !allTexts(args) {
			return 0, nil
		}
		text, old, to := args[0].AsString(), args[1].AsString(), args[2].AsString()
		if isPattern(old) {
			return int64(len(text)+1) * int64(len(to)+1), nil
		}
		return int64(len(text)) + int64(strings.Count(text, old))*int64(len(to)), nil
	},
	"join": func(args []cty.Value) (int64, error) {
		if len(args) == 0 || !allTexts(args[:1]) {
			return 0, nil
		}
		return elements(args[1:]) * int64(len(args[0].AsString())), nil
	},
	"indent": func(args []cty.Value) (int64, error) {
		if len(args) != 2 || args[0].Type() != cty.Number || args[0].IsNull() || !allTexts(args[1:]) {
			return 0, nil
		}
		spaces, _ := args[0].AsBigFloat().Int64()
		if spaces > maxWork {
			return 0, errWork
		}
		return spaces * int64(strings.Count(args[1].AsString(), "\n")+1), nil
	},
	"format":     formatEstimate,
	"formatlist": formatEstimate,
	"setproduct": func(args []cty.Value) (int64, error) {
		product := int64(1)
		for _, arg := range args {
			if product *= max(elements([]cty.Value{arg}), 1); product > maxWork {
				return 0, errWork
			}
		}
		return product * int64(len(args)) * 16, nil
	},
	"distinct": func(args []cty.Value) (int64, error) {
		if elements(args) > maxDistinct {
			return 0, fmt.Errorf("the list has more than %d elements; toset() makes them distinct too", maxDistinct)
		}
		return 0, nil
	},
	"jsondecode": func(args []cty.Value) (int64, error) {
		if len(args) == 1 && allTexts(args) && bracketDepth(args[0].AsString()) > maxDepth {
			return 0, fmt.Errorf("the JSON is nested more than %d levels deep", maxDepth)
		}
		return 0, nil
	},
}

var wideVerb = regexp.MustCompile(`%[^a-zA-Z%]*[0-9]{5}`)

// formatEstimate is for every element of the lists the pattern and the texts.
func formatEstimate(args []cty.Value) (int64, error) {
	if len(args) == 0 || !allTexts(args[:1]) {
		return 0, nil
	}
	if wideVerb.MatchString(args[0].AsString()) {
		return 0, function.NewArgErrorf(0, "a width has at most 4 digits")
	}
	size, rows := int64(len(args[0].AsString())), int64(1)
	for _, arg := range args[1:] {
		if arg.Type() == cty.String && !arg.IsNull() {
			size += int64(len(arg.AsString()))
		}
		rows = max(rows, elements([]cty.Value{arg}))
	}
	return size * rows, nil
}

func allTexts(args []cty.Value) bool {
	for _, arg := range args {
		if arg.Type() != cty.String || arg.IsNull() {
			return false
		}
	}
	return true
}

func elements(args []cty.Value) int64 {
	n := int64(0)
	for _, arg := range args {
		if arg, _ = arg.Unmark(); arg.IsKnown() && !arg.IsNull() && arg.CanIterateElements() {
			n += int64(arg.LengthInt())
		}
	}
	return n
}

// bracketDepth is how deep JSON nests.
func bracketDepth(text string) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}
