# Runs before every start, in the app's folder. It writes the port into the
# configuration in place, which works once: then there is no {{PORT}} any more.
if ! grep -q '{{PORT}}' conf/server.conf; then
  echo "conf/server.conf has the port of an earlier start: $(grep listen conf/server.conf)" >&2
  exit 1
fi
sed -i "s/{{PORT}}/$PORT/" conf/server.conf
mkdir data # fails where it is there already
echo "$CF_INSTANCE_GUID" >> data/starts
