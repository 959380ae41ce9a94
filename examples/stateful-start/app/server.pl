# Listens where conf/server.conf says, which knows the port from .profile.
use strict;
use warnings;
use IO::Socket::INET;

sub read_file {
  my ($path) = @_;
  open my $file, '<', $path or die "$path: $!\n";
  local $/;
  return <$file>;
}

my ($port) = read_file('conf/server.conf') =~ /^listen (\d+)$/m
  or die "conf/server.conf does not say where to listen\n";

$SIG{PIPE} = 'IGNORE';
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 50, ReuseAddr => 1)
  or die "cannot listen on port $port: $!\n";
print STDERR "listening on port $port\n";

while (1) {
  my $client = $server->accept or next;
  my $request = <$client> // '';
  while (my $header = <$client>) { last if $header =~ /^\r?\n$/ }
  if ($request =~ m{^\w+ /crash }) {
    print $client "HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n";
    close $client;
    print STDERR "crashing, as I was asked to\n";
    exit 1;
  }
  my @starts = split /\n/, read_file('data/starts');
  my $body = "instance $ENV{CF_INSTANCE_GUID}, starts in this folder: " . @starts . "\n";
  print $client "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ", length($body), "\r\n\r\n", $body;
  close $client;
}
