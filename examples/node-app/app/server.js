// Says which instance answers, and for how long it has run.
'use strict';
const http = require('http');
const ms = require('ms');

const server = http.createServer((request, response) => {
  const running = ms(Math.round(process.uptime() * 1000), { long: true });
  response.end(`${process.env.GREETING} from instance ${process.env.CF_INSTANCE_INDEX}, running for ${running}\n`);
});
server.listen(process.env.PORT);

// npm hands the signal on: end at once, connections first.
process.on('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
