import { TOUR } from '../tour';
import { bookinfoWith, yamlOf } from './support';

test('synthesizes the whole of Bookinfo', () => {
  expect(yamlOf(bookinfoWith('every-version'))).toMatchSnapshot();
});

test.each(Object.keys(TOUR))('synthesizes the routes of %s, and the same ones again', (task) => {
  const bookinfo = bookinfoWith(task);
  const routes = yamlOf(bookinfo, 'VirtualService', 'ServiceEntry');
  expect(routes).toMatchSnapshot();
  expect(yamlOf(bookinfo, 'VirtualService', 'ServiceEntry')).toBe(routes);
});
