// Reads a package.json: one line to stderr and exit code 1 if it is none.
'use strict';
const fs = require('fs');
try {
  const content = JSON.parse(fs.readFileSync(process.argv[2], 'utf8').replace(/^\uFEFF/, ''));
  if (content === null || typeof content !== 'object' || Array.isArray(content)) throw new Error('it is no JSON object');
} catch (e) {
  console.error(`${process.argv[2]}: ${e.message}`);
  process.exit(1);
}
