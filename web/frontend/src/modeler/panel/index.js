import { ExtensionsModule } from '../extensions/index.js';
import { GatewrightProvider } from './provider.js';

export const PanelModule = {
  __depends__: [ExtensionsModule],
  __init__: ['gatewrightProvider'],
  gatewrightProvider: ['type', GatewrightProvider]
};
