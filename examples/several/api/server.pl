# Answers who it is; every Linux has what this needs.
use strict;
use warnings;
use IO::Socket::INET;

$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalPort => $ENV{PORT}, Listen => 50, ReuseAddr => 1)
  or die "cannot listen on port $ENV{PORT}: $!\n";

while (1) {
  my $client = $server->accept or next;
  my $request = <$client> // '';
  while (my $header = <$client>) { last if $header =~ /^\r?\n$/ }
  my $body = $request =~ m{^GET /api/health }
    ? "ok\n"
    : "$ENV{GREETING} from the $ENV{TEAM} team, instance $ENV{CF_INSTANCE_INDEX} of the API\n";
  print $client "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ", length($body), "\r\n\r\n", $body;
  close $client;
}
