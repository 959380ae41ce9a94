package spec

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// projectFiles are the functions that read files of the project's folder.
type projectFiles struct {
	fs     FS
	dir    string
	budget *budget
}

func (p projectFiles) of(description string, result cty.Type, read func(name string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Description: description,
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(result),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := read(args[0].AsString())
			if err != nil {
				return cty.NilVal, function.NewArgError(0, err)
			}
			return v, nil
		},
	})
}

func (p projectFiles) file() function.Function {
	return p.of("file reads a text file inside the project folder", cty.String, func(name string) (cty.Value, error) {
		text, err := p.text(name)
		return cty.StringVal(text), err
	})
}

func (p projectFiles) base64() function.Function {
	return p.of("filebase64 reads any file inside the project folder", cty.String, func(name string) (cty.Value, error) {
		data, err := p.read(name)
		return cty.StringVal(base64.StdEncoding.EncodeToString(data)), err
	})
}

func (p projectFiles) sha256() function.Function {
	return p.of("filesha256 is the digest of a file inside the project folder", cty.String, func(name string) (cty.Value, error) {
		data, err := p.read(name)
		sum := sha256.Sum256(data)
		return cty.StringVal(hex.EncodeToString(sum[:])), err
	})
}

func (p projectFiles) exists() function.Function {
	return p.of("fileexists says whether there is a file inside the project folder", cty.Bool, func(name string) (cty.Value, error) {
		path, err := p.path(name)
		if err != nil {
			return cty.NilVal, err
		}
		info, err := p.fs.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return cty.False, nil
		}
		return cty.BoolVal(err == nil && info.Mode().IsRegular()), err
	})
}

// pathPart is a function about a path's text alone.
func pathPart(description string, part func(string) string) function.Function {
	return function.New(&function.Spec{
		Description: description,
		Params:      []function.Parameter{{Name: "path", Type: cty.String}},
		Type:        function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(part(args[0].AsString())), nil
		},
	})
}

var (
	basenameFunction = pathPart("basename is the last part of a path", path.Base)
	dirnameFunction  = pathPart("dirname is a path without its last part", path.Dir)
)

// template renders a file as Terraform does: it sees the variables that it is
// given, and the functions but for itself.
func (p projectFiles) template(functions map[string]function.Function) function.Function {
	inner := map[string]function.Function{}
	for name, f := range functions {
		inner[name] = f
	}
	inner["templatefile"] = function.New(&function.Spec{
		Description: "templatefile does not call itself",
		VarParam:    &function.Parameter{Name: "any", Type: cty.DynamicPseudoType, AllowDynamicType: true, AllowNull: true},
		Type: func([]cty.Value) (cty.Type, error) {
			return cty.NilType, errors.New("templates do not call templatefile: give them what another made as a variable")
		},
	})
	render := func(args []cty.Value) (cty.Value, error) {
		name := args[0].AsString()
		text, err := p.text(name)
		if err != nil {
			return cty.NilVal, function.NewArgError(0, err)
		}
		scope := &hcl.EvalContext{Functions: inner, Variables: map[string]cty.Value{}}
		if t := args[1].Type(); !t.IsObjectType() && !t.IsMapType() {
			return cty.NilVal, function.NewArgErrorf(1, "must be an object of variables")
		}
		for it := args[1].ElementIterator(); it.Next(); {
			key, v := it.Element()
			scope.Variables[key.AsString()] = v
		}
		return p.render(name, text, scope)
	}
	return function.New(&function.Spec{
		Description: "templatefile reads a template inside the project folder and fills it with variables",
		Params:      []function.Parameter{{Name: "path", Type: cty.String}, {Name: "vars", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
		Type:        func([]cty.Value) (cty.Type, error) { return cty.DynamicPseudoType, nil },
		Impl:        func(args []cty.Value, _ cty.Type) (cty.Value, error) { return render(args) },
	})
}

func (p projectFiles) render(name, text string, scope *hcl.EvalContext) (cty.Value, error) {
	if deep := templateTooDeep([]byte(text), name); deep.HasErrors() {
		return cty.NilVal, function.NewArgError(0, deep)
	}
	expr, diags := hclsyntax.ParseTemplate([]byte(text), name, hcl.InitialPos)
	if !diags.HasErrors() {
		diags = p.budget.bound(expr)
	}
	if diags.HasErrors() {
		return cty.NilVal, function.NewArgError(0, diags)
	}
	for _, t := range expr.Variables() {
		if _, known := scope.Variables[t.RootName()]; !known {
			return cty.NilVal, function.NewArgErrorf(1, "%s: the template refers to %q, which it is not given", t.SourceRange(), t.RootName())
		}
	}
	v, diags, err := p.budget.run(expr, scope)
	switch {
	case err != nil:
		return cty.NilVal, function.NewArgError(0, err)
	case diags.HasErrors():
		return cty.NilVal, function.NewArgError(0, diags)
	}
	return v, nil
}

// text reads a text file below the folder, also after symbolic links.
func (p projectFiles) text(name string) (string, error) {
	data, err := p.read(name)
	if err == nil && !utf8.Valid(data) {
		err = fmt.Errorf("%s is not a text file: it is not UTF-8", name)
	}
	return string(data), err
}

func (p projectFiles) path(name string) (string, error) {
	path := absolute(p.dir, filepath.FromSlash(name))
	return path, checkInside(p.fs, p.dir, path)
}

func (p projectFiles) read(name string) ([]byte, error) {
	path, err := p.path(name)
	if err != nil {
		return nil, err
	}
	info, err := p.fs.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	f, err := p.fs.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the file: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot read the file: %w", err)
	case len(data) > maxFileSize:
		return nil, fmt.Errorf("%s is larger than 1 MB", name)
	}
	return data, nil
}
