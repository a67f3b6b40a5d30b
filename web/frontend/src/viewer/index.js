/** Each `[data-viewer]` of the page becomes a live diagram. */
import 'bpmn-js/dist/assets/diagram-js.css';
import 'bpmn-js/dist/assets/bpmn-js.css';
import 'bpmn-js/dist/assets/bpmn-font/css/bpmn.css';
import '../diagram/canvas.css';
import './viewer.css';

import { LiveDiagram } from './live-diagram.js';

for (const place of document.querySelectorAll('[data-viewer]')) new LiveDiagram(place).open();
