// Warns where package.json asks for another Node.js or npm than there is. The
// stack's is used all the same: there is no other. Ranges are npm's to read,
// so its own library does (argument: the path of npm).
'use strict';
const fs = require('fs');
const { execFileSync } = require('child_process');

const npm = fs.realpathSync(process.argv[2]);
const engines = JSON.parse(fs.readFileSync('package.json', 'utf8').replace(/^\uFEFF/, '')).engines || {};
const versions = { node: () => process.version, npm: () => execFileSync(npm, ['--version'], { encoding: 'utf8' }).trim() };

let semver;
try {
  semver = require(require.resolve('semver', { paths: [npm] }));
} catch {
  semver = null;
}
for (const name of Object.keys(versions)) {
  const range = engines[name];
  if (typeof range !== 'string' || range.trim() === '') continue;
  const version = versions[name]();
  if (semver === null) {
    console.log(`       package.json asks for ${name} ${range}, the stack has ${version}`);
  } else if (semver.validRange(range) === null) {
    console.log(`       **WARNING** package.json: engines.${name}: "${range}" is no range of versions`);
  } else if (!semver.satisfies(version, range)) {
    console.log(`       **WARNING** package.json asks for ${name} ${range}, the stack has ${version}: install that on the stack, or name a buildpack that brings it`);
  }
}
