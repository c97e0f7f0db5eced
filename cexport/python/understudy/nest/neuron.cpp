#include "neuron.h"

#include <cmath>
#include <exception>
#include <sstream>

#include <unistd.h>

#include "nest_extension_interface.h"

#include "dictionary.h"
#include "event_delivery_manager_impl.h"
#include "kernel_manager.h"
#include "nest_names.h"
#include "universal_data_logger_impl.h"

#include "failure.h"

template <>
void
nest::RecordablesMap< understudy::Neuron >::create()
{
  insert_( "V_m", &understudy::Neuron::V_m );
  insert_( "p_spike", &understudy::Neuron::p_spike );
}

namespace understudy
{

nest::RecordablesMap< Neuron > Neuron::recordables_;

namespace
{

Failure failure;

std::string
absolute( const std::string& path )
{
  char folder[ 4096 ];
  if ( path.empty() or path[ 0 ] == '/' or not ::getcwd( folder, sizeof folder ) )
  {
    return path;
  }
  return std::string( folder ) + "/" + path;
}

std::string
text( double x )
{
  std::ostringstream s;
  s << x;
  return s.str();
}

// NEST's steps of the resolution in 1 ms.
long
steps_per_ms()
{
  const double steps = static_cast< double >( nest::Time::get_tics_per_ms() ) / static_cast< double >( nest::Time::get_tics_per_step() );
  const long whole = std::lround( steps );
  if ( whole < 1 or static_cast< double >( whole ) != steps )
  {
    throw nest::KernelException(
      "understudy: a resolution of " + text( nest::Time::get_resolution().get_ms() ) + " ms does not divide 1 ms, the step of a surrogate" );
  }
  return whole;
}

} // namespace

void
Failure::raise( const std::string& what, long now )
{
  const std::lock_guard< std::mutex > lock( mutex_ );
  if ( not what_.empty() )
  {
    return;
  }
  what_ = what;
  const std::size_t threads = nest::kernel().vp_manager.get_num_threads();
  if ( threads == 1 )
  {
    rethrow();
  }
  LOG( nest::VerbosityLevel::ERROR, "understudy", what );
  if ( threads_.size() == threads )
  {
    since_ = now;
  }
}

void
Failure::prepare( std::size_t thread )
{
  const std::lock_guard< std::mutex > lock( mutex_ );
  if ( not what_.empty() )
  {
    rethrow();
  }
  threads_.insert( thread );
}

void
Failure::rethrow() const
{
  throw nest::KernelException( what_ );
}

void
Failure::clear()
{
  const std::lock_guard< std::mutex > lock( mutex_ );
  what_.clear();
  threads_.clear();
  since_ = never;
}

Neuron::Neuron()
  : logger_( *this )
{
  recordables_.create();
}

Neuron::Neuron( const Neuron& n )
  : nest::ArchivingNode( n )
  , parameters_( n.parameters_ )
  , settings_( n.settings_ )
  , logger_( *this )
  , forced_( n.forced_ )
{
}

std::string
Neuron::name() const
{
  return get_name() + " " + std::to_string( get_node_id() );
}

std::size_t
Neuron::send_test_event( nest::Node& target, std::size_t receptor_type, nest::synindex, bool )
{
  nest::SpikeEvent e;
  e.set_sender( *this );
  return target.handles_test_event( e, receptor_type );
}

std::size_t
Neuron::handles_test_event( nest::SpikeEvent&, std::size_t receptor_type )
{
  if ( not settings_ )
  {
    throw nest::IllegalConnection( name() + " has no model yet, whose channels are its receptor types: set `model` before connecting" );
  }
  const std::int64_t channel = static_cast< std::int64_t >( receptor_type );
  if ( channel < 0 or channel >= settings_->channels() )
  {
    throw nest::IllegalConnection( "receptor_type " + std::to_string( channel ) + " of " + name() + ": its model has the channels 0 to "
      + std::to_string( settings_->channels() - 1 ) );
  }
  highest_channel_ = std::max( highest_channel_, channel );
  return receptor_type;
}

std::size_t
Neuron::handles_test_event( nest::DataLoggingRequest& request, std::size_t receptor_type )
{
  if ( receptor_type != 0 )
  {
    throw nest::UnknownReceptorType( static_cast< long >( receptor_type ), get_name() );
  }
  logged_ = true;
  return logger_.connect_logging_device( request, recordables_ );
}

void
Neuron::get_status( Dictionary& d ) const
{
  ArchivingNode::get_status( d );
  d[ "model" ] = parameters_.model;
  d[ "precision" ] = parameters_.precision;
  d[ "kernel" ] = parameters_.kernel;
  d[ "spikes" ] = parameters_.spikes;
  d[ "seed" ] = static_cast< long >( parameters_.seed );
  d[ "batched" ] = parameters_.batched;
  d[ "channels" ] = settings_ ? settings_->channels() : 0L;
  d[ "V_m" ] = V_m();
  d[ "p_spike" ] = p_spike();
  us_input_range range = US_INPUT_RANGE_INIT;
  if ( group_ and group_->input_range( range ) )
  {
    Dictionary r;
    r[ "population" ] = static_cast< long >( group_->population() );
    r[ "known" ] = range.known != 0;
    r[ "steps" ] = static_cast< long >( range.steps );
    r[ "steps_outside" ] = static_cast< long >( range.steps_outside );
    r[ "events" ] = static_cast< long >( range.events );
    r[ "weights_outside" ] = static_cast< long >( range.weights_outside );
    r[ "max_events_per_ms" ] = static_cast< long >( range.max_events_per_ms );
    r[ "min_weight" ] = static_cast< double >( range.min_weight );
    r[ "max_weight" ] = static_cast< double >( range.max_weight );
    d[ "input_range" ] = r;
  }
  d[ nest::names::recordables ] = recordables_.get_list();
}

void
Neuron::set_status( const Dictionary& d )
{
  Parameters p = parameters_;
  if ( d.update_value( "model", p.model ) )
  {
    p.model = absolute( p.model );
  }
  d.update_value( "precision", p.precision );
  d.update_value( "kernel", p.kernel );
  d.update_value( "spikes", p.spikes );
  long seed = static_cast< long >( p.seed );
  try
  {
    d.update_integer_value( "seed", seed );
  }
  catch ( const std::exception& e ) // none of NEST's, for a number that is not whole
  {
    throw nest::BadProperty( e.what() );
  }
  p.seed = seed;
  d.update_value( "batched", p.batched );

  std::shared_ptr< const Settings > settings = settings_;
  if ( not( p == parameters_ ) )
  {
    if ( group_ )
    {
      throw nest::BadProperty( "model, precision, kernel, spikes, seed and batched cannot change after the simulation has begun" );
    }
    try
    {
      p.options();
      settings = p.model.empty() ? nullptr : Settings::shared( p );
    }
    catch ( const std::exception& e )
    {
      throw nest::BadProperty( e.what() );
    }
    if ( highest_channel_ >= ( settings ? settings->channels() : 0 ) and highest_channel_ >= 0 )
    {
      throw nest::BadProperty( "there is a connection to channel " + std::to_string( highest_channel_ ) + ", which this model does not have" );
    }
  }
  ArchivingNode::set_status( d );
  d.update_value( nest::names::ignore_and_spike, forced_ );
  parameters_ = p;
  settings_ = settings;
}

void
Neuron::init_buffers_()
{
  logger_.reset();
  ArchivingNode::clear_history();
}

void
Neuron::pre_run_hook()
{
  failure.prepare( get_thread() );
  if ( not settings_ )
  {
    throw nest::KernelException( name() + " has no model: set `model` to the path of a model file" );
  }
  logger_.init();
  per_ms_ = steps_per_ms();
  const std::int64_t next = nest::kernel().simulation_manager.get_time().get_steps() / per_ms_;
  if ( group_ )
  {
    if ( group_->next() > next )
    {
      throw nest::KernelException( name() + ": the time was set back, which surrogates cannot follow: call ResetKernel" );
    }
    return;
  }
  group_ = parameters_.batched ? Group::forming( settings_, get_thread(), next ) : std::make_shared< Group >( settings_, next );
  // Neurons created first are numbered as in a population of the library alone.
  index_ = group_->join( static_cast< std::int64_t >( get_node_id() ) - 1 );
}

void
Neuron::update( const nest::Time& origin, const long from, const long to )
{
  const long start = origin.get_steps();
  failure.check( start + from );
  // The steps that end in (start+from, start+to].
  const std::int64_t begin = ( start + from ) / per_ms_, end = ( start + to ) / per_ms_;
  if ( begin < end )
  {
    try
    {
      group_->advance( begin, end );
    }
    catch ( const Error& e )
    {
      failure.raise( name() + " at " + std::to_string( begin ) + " ms: " + e.what(), start + from );
      return;
    }
  }
  if ( not logged_ and not forced_ )
  {
    for ( std::int64_t k = begin; k < end; ++k )
    {
      if ( take( k ) )
      {
        const long stamp = static_cast< long >( k + 1 ) * per_ms_;
        emit( stamp, stamp - 1 - start );
      }
    }
    return;
  }
  std::int64_t k = begin;
  for ( long lag = from; lag < to; ++lag )
  {
    const long stamp = start + lag + 1;
    bool spike = false;
    if ( stamp == static_cast< long >( k + 1 ) * per_ms_ )
    {
      spike = take( k++ );
    }
    if ( spike_event_is_due( spike ) )
    {
      emit( stamp, lag );
    }
    logger_.record_data( stamp - 1 );
  }
}

bool
Neuron::take( std::int64_t step )
{
  v_m_ = group_->v_soma_mv( step, index_ );
  p_spike_ = group_->p_spike( step, index_ );
  return group_->spike( step, index_ );
}

void
Neuron::emit( long stamp, long lag )
{
  set_spiketime( nest::Time::step( stamp ) );
  nest::SpikeEvent e;
  nest::kernel().event_delivery_manager.send( *this, e, lag );
}

void
Neuron::handle( nest::SpikeEvent& e )
{
  if ( is_frozen() )
  {
    return;
  }
  const float weight = static_cast< float >( e.get_weight() );
  const long arrival = e.get_rel_delivery_steps( nest::Time() ) + 1;
  if ( not std::isfinite( weight ) )
  {
    const auto& simulation = nest::kernel().simulation_manager;
    failure.raise( name() + ": an event on channel " + std::to_string( e.get_rport() ) + " has the weight " + text( e.get_weight() ),
      simulation.get_slice_origin().get_steps() + simulation.get_from_step() );
    return;
  }
  group_->add( arrival / per_ms_, index_, static_cast< std::int32_t >( e.get_rport() ), weight, e.get_multiplicity() );
}

void
Neuron::handle( nest::DataLoggingRequest& e )
{
  logger_.handle( e );
}

class Module : public nest::NESTExtensionInterface
{
public:
  // NEST calls it when the module is loaded, and again when the number of threads changes.
  void
  initialize() override
  {
    failure.clear();
    nest::register_node_model< Neuron >( "understudy" );
  }
};

} // namespace understudy

// The name by which NEST finds it: that of the file, and _LTX_module.
understudy::Module understudymodule_LTX_module;
