import { App } from 'cdk8s';
import { Bookinfo } from './bookinfo';
import { TOUR } from './tour';

const name = process.env.BOOKINFO_TASK ?? 'every-version';
if (name === 'list') {
  for (const [task, { title, look }] of Object.entries(TOUR)) console.log(`${task.padEnd(20)}${title}\n${' '.repeat(20)}→ ${look}`);
} else {
  const task = TOUR[name];
  if (task === undefined) throw new Error(`BOOKINFO_TASK must be one of ${Object.keys(TOUR).join(', ')}, got "${name}"`);
  const app = new App();
  task.apply(new Bookinfo(app, 'bookinfo'));
  app.synth();
  console.log(`${name}: ${task.title}\n→ ${task.look}`);
}
