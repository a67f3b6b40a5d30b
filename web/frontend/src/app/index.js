/** What every page loads: Bootstrap's parts that need script, htmx, and the page's own small modules. */
import 'bootstrap/dist/css/bootstrap.css';
import './tokens.css';
import './layout.css';
import './parts.css';
import './pages.css';

import 'bootstrap/js/src/collapse.js';
import 'bootstrap/js/src/dropdown.js';
import 'bootstrap/js/src/offcanvas.js';
import 'bootstrap/js/src/tab.js';
import 'htmx.org';

import { followLiveParts } from './live-parts.js';
import { offerThemes } from './theme-toggle.js';

offerThemes(document);
followLiveParts(document);
