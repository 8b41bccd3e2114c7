// App: shows the sign-in form, or the layout with the screen of the address.

import { Layout } from './layout';
import { followLink, usePlace } from './router';
import { screenAt } from './routes';
import { begin, useSessionState } from './session';
import { SignIn } from './sign-in';
import { ErrorState, Loading } from './ui/states';
import { Toasts } from './ui/toast';
import { UnreachableError } from './api/problem';

export function App() {
  return (
    <div onClick={followLink}>
      <Content />
      <Toasts />
    </div>
  );
}

function Content() {
  const state = useSessionState();
  if (state.status === 'checking') {
    return (
      <main class="sign-in">
        <Loading lines={2} />
      </main>
    );
  }
  if (state.status === 'unreachable') {
    return (
      <main class="sign-in">
        <ErrorState error={new UnreachableError()} retry={() => void begin()} />
      </main>
    );
  }
  if (state.status === 'signed_out') return <SignIn reason={state.reason} />;
  return <SignedIn />;
}

function SignedIn() {
  const { path } = usePlace();
  const { route, params } = screenAt(path);
  const Shown = route.screen;
  return (
    <Layout path={path}>
      <Shown key={path} params={params} />
    </Layout>
  );
}
