// Prints the launch.yml of the app in the folder (argument); nothing if
// nobody says how it starts.
'use strict';
const fs = require('fs');
const path = require('path');

const dir = process.argv[2];
const file = path.join(dir, 'package.json');
const scripts = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, '')).scripts || {} : {};
let command = '';
if (scripts.start) command = 'npm start';
else if (fs.existsSync(path.join(dir, 'server.js'))) command = 'node server.js';
if (command !== '') console.log(`processes:\n- type: web\n  command: ${command}`);
