package spec

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// maxTokens bounds an HCL file (some 600 kB of usual text). Hcl's parser and
// evaluator recurse for every bracket, operator and condition, and a Go
// program cannot survive the overflow of its stack: 1 MiB of "[" is enough.
const maxTokens = 100_000

// tooDeep says whether a file would nest or chain more than the parser can
// bear; the diagnostics are empty if not.
func tooDeep(data []byte, path string) hcl.Diagnostics {
	// Faults of the scanner are reported by the parser.
	tokens, _ := hclsyntax.LexConfig(data, path, hcl.InitialPos)
	return tooManyTokens(tokens)
}

// templateTooDeep is the same for a template.
func templateTooDeep(data []byte, path string) hcl.Diagnostics {
	tokens, _ := hclsyntax.LexTemplate(data, path, hcl.InitialPos)
	return tooManyTokens(tokens)
}

func tooManyTokens(tokens hclsyntax.Tokens) hcl.Diagnostics {
	refuse := func(t hclsyntax.Token, summary, detail string) hcl.Diagnostics {
		return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: t.Range.Ptr()}}
	}
	if len(tokens) > maxTokens {
		return refuse(tokens[maxTokens], fmt.Sprintf("the file has more than %d words and signs", maxTokens), "Split it into several *.wadi.hcl files.")
	}
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOQuote, hclsyntax.TokenOHeredoc,
			hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCQuote, hclsyntax.TokenCHeredoc,
			hclsyntax.TokenTemplateSeqEnd:
			depth--
		}
		if depth > maxDepth {
			return refuse(t, fmt.Sprintf("nested more than %d levels deep", maxDepth), "Flatten the expression, or give its parts names in locals.")
		}
	}
	return nil
}
