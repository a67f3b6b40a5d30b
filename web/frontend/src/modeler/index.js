/** Each `[data-modeler]` of the page becomes a modeler. */
import 'bpmn-js/dist/assets/diagram-js.css';
import 'bpmn-js/dist/assets/bpmn-js.css';
import 'bpmn-js/dist/assets/bpmn-font/css/bpmn.css';
import '@bpmn-io/properties-panel/dist/assets/properties-panel.css';
import 'diagram-js-minimap/assets/diagram-js-minimap.css';
import '../diagram/canvas.css';
import './modeler.css';

import { Workplace } from './workplace.js';

for (const place of document.querySelectorAll('[data-modeler]')) new Workplace(place).open();
