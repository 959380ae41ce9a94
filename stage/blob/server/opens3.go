package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	gcaws "gocloud.dev/aws"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

// storeForm is what a URL of an S3 store looks like, for errors.
const storeForm = "it has the form s3://BUCKET[/FOLDER][?region=…&endpoint=https://…&use_path_style=true]"

// storeParams are the queries of such a URL.
var storeParams = []string{"region", "endpoint", "use_path_style"}

// S3Store names a bucket, or a folder in one, on Amazon's S3 or what speaks
// like it. It holds no credentials.
type S3Store struct {
	Bucket    string
	Prefix    string // "" or "FOLDER/"
	Region    string // "" = as the environment says
	Endpoint  string // "" = Amazon's
	PathStyle bool
}

// ParseS3Store reads the URL of an S3 store.
func ParseS3Store(text string) (S3Store, error) {
	u, err := url.Parse(text)
	if err != nil {
		return S3Store{}, fmt.Errorf("the store cannot be read as a URL: %s", storeForm) // its text may hold a secret
	}
	if u.User != nil || u.Query().Has("access_key") || u.Query().Has("secret_key") {
		return S3Store{}, errors.New("credentials may not stand in the store's URL, which everybody can read: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	if u.Scheme != "s3" || u.Host == "" || u.Fragment != "" {
		return S3Store{}, fmt.Errorf("%q is not the URL of a store: %s", text, storeForm)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return S3Store{}, fmt.Errorf("the store %q: %w", text, err)
	}
	for key, values := range q {
		if !slices.Contains(storeParams, key) || len(values) != 1 {
			return S3Store{}, fmt.Errorf("the store %q: %q is not known, or given twice: %s", text, key, storeForm)
		}
	}
	out := S3Store{Bucket: u.Host, Region: q.Get("region"), Endpoint: q.Get("endpoint")}
	if prefix := strings.Trim(u.Path, "/"); prefix != "" {
		out.Prefix = prefix + "/"
	}
	if style := q.Get("use_path_style"); style != "" {
		if out.PathStyle, err = strconv.ParseBool(style); err != nil {
			return S3Store{}, fmt.Errorf("the store %q: use_path_style is %q, not true or false", text, style)
		}
	}
	if out.Endpoint != "" {
		if e, err := url.Parse(out.Endpoint); err != nil || e.Scheme != "http" && e.Scheme != "https" || e.Host == "" || e.User != nil {
			return S3Store{}, fmt.Errorf("the store %q: endpoint=%q is not an http or https URL", text, out.Endpoint)
		}
	}
	return out, nil
}

// OpenS3 opens the store. credentialsFile is one as AWS's tools have it (its
// profile "default" counts); "" leaves credentials to where AWS's tools look
// for them: the environment, ~/.aws, the machine's own role.
func OpenS3(ctx context.Context, at S3Store, credentialsFile string) (*blob.Bucket, error) {
	q := url.Values{}
	for key, value := range map[string]string{"region": at.Region, "endpoint": at.Endpoint} {
		if value != "" {
			q.Set(key, value)
		}
	}
	cfg, err := gcaws.V2ConfigFromURLParams(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("open the S3 bucket %s: %w", at.Bucket, err)
	}
	if credentialsFile != "" {
		shared, err := config.LoadSharedConfigProfile(ctx, "default", func(o *config.LoadSharedConfigOptions) {
			o.CredentialsFiles, o.ConfigFiles = []string{credentialsFile}, []string{}
		})
		if err != nil {
			return nil, fmt.Errorf("read the S3 credentials in %s: %w", credentialsFile, err)
		}
		cfg.Credentials = credentials.StaticCredentialsProvider{Value: shared.Credentials}
	} else if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("there are no credentials for the S3 bucket %s: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for wadi platform apply, or let the blob store's machine have its own (~/.aws of the agent's user, an instance role): %w", at.Bucket, err)
	}
	if cfg.Region == "" {
		if at.Endpoint == "" {
			return nil, fmt.Errorf("open the S3 bucket %s: no region is known: add ?region=… to the store's URL", at.Bucket)
		}
		cfg.Region = "us-east-1" // servers of other makers take any, requests are signed with one
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = at.PathStyle
		// the names are checksums: no warning of each answer that lacks one of S3's
		o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	})
	bucket, err := s3blob.OpenBucket(ctx, client, at.Bucket, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
	if err != nil {
		return nil, fmt.Errorf("open the S3 bucket %s: %w", at.Bucket, err)
	}
	if err := accessible(ctx, bucket, at); err != nil {
		return nil, errors.Join(err, bucket.Close())
	}
	if at.Prefix != "" {
		bucket = blob.PrefixedBucket(bucket, at.Prefix)
	}
	return bucket, nil
}

// refusedCredentials are the codes of S3, and of servers of other makers, for
// keys that nobody has.
var refusedCredentials = []string{"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "XAdminUserNotFound"}

// accessible tells a bucket that is not there from one that is empty: both
// answer "not found" to whoever asks for what is in them.
func accessible(ctx context.Context, bucket *blob.Bucket, at S3Store) error {
	_, _, err := bucket.ListPage(ctx, blob.FirstPageToken, 1, &blob.ListOptions{Prefix: at.Prefix})
	where := at.Endpoint
	if where == "" {
		where = "Amazon S3, region " + at.Region
	}
	var answer smithy.APIError
	var dial *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && slices.Contains(refusedCredentials, answer.ErrorCode()):
		return fmt.Errorf("%s refuses the credentials for the S3 bucket %s (%s): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", where, at.Bucket, answer.ErrorCode())
	case errors.As(err, &dial):
		return fmt.Errorf("the S3 server %s cannot be reached: %w: check the store's endpoint", where, dial)
	case gcerrors.Code(err) == gcerrors.NotFound:
		return fmt.Errorf("there is no S3 bucket %s at %s: make it first", at.Bucket, where)
	case gcerrors.Code(err) == gcerrors.PermissionDenied:
		return fmt.Errorf("these credentials may not list the S3 bucket %s at %s: they need s3:ListBucket, and s3:GetObject, s3:PutObject and s3:DeleteObject on what is in it: %w", at.Bucket, where, err)
	default:
		return fmt.Errorf("use the S3 bucket %s at %s: %w", at.Bucket, where, err)
	}
}
