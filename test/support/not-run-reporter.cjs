// Lists at the end what did not run and why, so that a green run never hides a missing part.
module.exports = class NotRunReporter {
  onRunComplete(_contexts, results) {
    const reasons = results.testResults.flatMap((file) => file.testResults)
      .filter((test) => test.status === 'pending' && test.fullName.includes('not run: '))
      .map((test) => test.fullName);
    if (reasons.length > 0) process.stderr.write(`\n${reasons.map((reason) => `  ${reason}`).join('\n')}\n`);
    process.stderr.write(`\n${results.numPassedTests} passed, ${results.numFailedTests} failed, ${reasons.length} not run\n`);
  }
};
