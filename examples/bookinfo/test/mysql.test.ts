import { Testing } from 'cdk8s';
import { MeshRequest, MeshTesting } from 'cdk8s-mesh';
import { RatingsMysql, RatingsMysqlVm } from '../mysql';

describe.each([
  ['mysqldb', RatingsMysql, /\d+\.\d+\.\d+\.\d+:3306 mysqldb-v1/],
  ['mysqldb-vm', RatingsMysqlVm, /10\.0\.3\.9:3306/],
])('ratings from %s', (host, Example, endpoint) => {
  const bookinfo = new Example(Testing.app(), 'bookinfo');
  const mesh = MeshTesting.of(bookinfo);

  test('readers get red stars, whose ratings are those of the database', () => {
    mesh.send(MeshRequest.get('http://reviews:9080/reviews/0'), { from: bookinfo.productpage }).expectTarget(bookinfo.reviewsV3);
    mesh.send(MeshRequest.get('http://ratings:9080/ratings/0'), { from: bookinfo.reviewsV3 }).expectTarget(bookinfo.ratingsV2);
  });

  test('the ratings reach the database over TCP', () => {
    const from = `ratings-${bookinfo.ratingsV2.version}`;
    const result = mesh.send(MeshRequest.get(`http://${host}:3306/`), { fromName: from }).expectTarget(bookinfo.mysql);
    expect(result.trace()).toMatch(endpoint);
  });

  test('synthesizes', () => {
    expect(Testing.synth(bookinfo).filter(({ metadata: { name } }) => /mysql|ratings/.test(name))).toMatchSnapshot();
  });
});
